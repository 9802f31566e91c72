//! A document in Markdown, fit for a review or a pull request.

use std::fmt::Write;

use super::{Block, Claim, Document, Finding, Table};
use crate::model::escaped;

/// The document, what it comes to first.
pub fn render(document: &Document) -> String {
    let mut out = format!("# {}\n", text(&document.title));
    for words in &document.verdict {
        let _ = write!(out, "\n{}\n", text(words));
    }
    for section in &document.sections {
        if !section.title.is_empty() {
            let _ = write!(out, "\n## {}\n", text(&section.title));
        }
        for block in &section.blocks {
            out.push('\n');
            match block {
                Block::Text(words) => out += &format!("{}\n", text(words)),
                Block::Table(rows) => out += &table(rows),
                Block::Notes(notes) => notes.iter().for_each(|note| out += &format!("- {}\n", text(note))),
                Block::Claims(found, all) => out += &claims(found, all),
                Block::Outline(lines) => {
                    lines.iter().for_each(|(depth, line)| out += &format!("{}- {}\n", "  ".repeat(*depth), text(line)));
                }
                Block::Code(code) => out += &format!("```\n{}\n```\n", code.trim_end()),
                Block::Findings(all) => out += &findings(all),
                Block::Picture(one) => out += &format!("![{}]({})\n", text(&one.shows), address(&one.file)),
                Block::File(file, has) => out += &format!("{}: [{}]({})\n", text(has), text(file), address(file)),
            }
        }
    }
    out
}

fn table(table: &Table) -> String {
    let headers: Vec<String> = table.columns.iter().map(|column| text(&column.header.to_lowercase())).collect();
    let rules: Vec<String> =
        table.columns.iter().map(|column| if column.is_number { "---:" } else { "---" }.to_owned()).collect();
    let cells = |cells: &Vec<String>| row(&cells.iter().map(|cell| text(cell)).collect::<Vec<_>>());
    row(&headers) + &row(&rules) + &table.rows.iter().map(cells).collect::<String>()
}

/// A row for each claim.
fn claims(found: &str, claims: &[Claim]) -> String {
    let has_scenarios = claims.iter().any(|claim| claim.scenario.is_some());
    let first = usize::from(!has_scenarios);
    let headers = ["scenario", "claim", "verdict", found, "why"].map(str::to_owned);
    let mut out = row(&headers[first..]) + &row(&vec!["---".to_owned(); headers.len() - first]);
    for claim in claims {
        let section = claim.section.as_ref().map_or_else(String::new, |section| format!(" ({section})"));
        let qualified = if claim.qualified.is_empty() { String::new() } else { format!(": {}", claim.qualified) };
        let note = claim.note.as_ref().map_or_else(String::new, |note| format!(" Note: {note}"));
        let link = |scenario: &String| format!("[{}](#{})", text(scenario), address(scenario));
        let cells = [
            claim.scenario.as_ref().map_or_else(String::new, link),
            text(&format!("{}{section}", claim.says)),
            format!("**{}**{}", claim.verdict.name(), text(&qualified)),
            text(&claim.found),
            text(&(claim.why.clone() + &note)),
        ];
        out += &row(&cells[first..]);
    }
    out
}

/// A row for each finding.
fn findings(findings: &[Finding]) -> String {
    let headers = ["severity", "rule", "where", "what", "why", "remedy"].map(str::to_owned);
    let mut out = row(&headers) + &row(&vec!["---".to_owned(); headers.len()]);
    for finding in findings {
        let (code, name) = finding.rule;
        let (place, path) = &finding.place;
        out += &row(&[
            format!("**{}**", finding.severity),
            text(&format!("{code} {name}")),
            text(&format!("{place} {path}")),
            text(&finding.message),
            text(finding.why),
            text(finding.remedy),
        ]);
    }
    out
}

/// A file's name where an address is expected.
fn address(file: &str) -> String {
    file.replace('%', "%25").replace(' ', "%20").replace('(', "%28").replace(')', "%29").replace('<', "%3C")
}

/// A text as it is, whatever characters it has; line breaks become blanks.
fn text(text: &str) -> String {
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
fn row(cells: &[String]) -> String {
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
