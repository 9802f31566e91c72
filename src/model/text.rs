//! Texts of users that are shown: names are data, and must not act on a terminal, a spreadsheet or a page.

use std::borrow::Cow;

/// The longest piece of a user's text that a message repeats, in characters.
pub const LONGEST_PIECE: usize = 60;

/// At most a short piece of a text, without control characters.
pub fn piece(text: &str) -> Cow<'_, str> {
    let clean = escaped(text);
    if clean.chars().count() <= LONGEST_PIECE {
        return clean;
    }
    clean.chars().take(LONGEST_PIECE).chain("...".chars()).collect::<String>().into()
}

/// The text with control characters written out, so that it can be shown on a terminal.
pub fn escaped(text: &str) -> Cow<'_, str> {
    // Bidirectional overrides could turn the text around that stands beside them.
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) { clean.extend(c.escape_default()) } else { clean.push(c) }
    }
    Cow::Owned(clean)
}

/// The same for a text of several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    if text.lines().all(|line| matches!(escaped(line), Cow::Borrowed(_))) && !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(escaped).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(escaped("web-1 ✓ é"), "web-1 ✓ é");
        assert_eq!(escaped("a\u{1b}[31mb\u{7}\r"), "a\\u{1b}[31mb\\u{7}\\r");
        assert_eq!(escaped("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(escaped_lines("a\n\tb\n"), "a\n\\tb\n");
        assert_eq!(piece(&"x".repeat(100)).chars().count(), LONGEST_PIECE + 3);
    }
}
