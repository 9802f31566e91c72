//! Texts in Markdown.

use crate::model::escaped;

/// A text as it is, whatever characters it has; line breaks become blanks.
pub fn text(text: &str) -> String {
    let text = text.replace('\n', " ");
    let characters: Vec<char> = escaped(&text).chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    for (index, &c) in characters.iter().enumerate() {
        let inside_word = |at: Option<&char>| at.is_some_and(|c| c.is_alphanumeric());
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' | '&' => true,
            // Only at the beginning do they begin a block.
            '>' | '#' | '+' | '-' | '=' => index == 0 && characters.len() > 1,
            // Within a word it means nothing.
            '_' => !(index > 0 && inside_word(characters.get(index - 1)) && inside_word(characters.get(index + 1))),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A row of a table, of cells that are Markdown already.
pub fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_acts() {
        assert_eq!(text("rag_backend: 3 -> 6"), "rag_backend: 3 -> 6");
        assert_eq!(
            text("a|b <img src=x> [l](u) *b* _i_ `c`"),
            "a\\|b \\<img src=x> \\[l\\](u) \\*b\\* \\_i\\_ \\`c\\`"
        );
        assert_eq!(text("two\nlines"), "two lines");
    }
}
