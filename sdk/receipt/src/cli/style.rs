use std::borrow::Cow;
use std::fmt::Display;

/// Paints on terminals and leaves text alone elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    colours: bool,
}

impl Style {
    pub(super) const fn new(colours: bool) -> Self {
        Self { colours }
    }

    pub(super) fn good(self, text: impl Display) -> String {
        self.paint("32;1", text)
    }

    pub(super) fn bad(self, text: impl Display) -> String {
        self.paint("31;1", text)
    }

    pub(super) fn faint(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Text from a receipt for a terminal: control characters, which could repaint the screen, are escaped.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    // Right-to-left overrides and their kin reorder what follows them.
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(|c: char| c.is_control() || reorders(c)) {
        return Cow::Borrowed(text);
    }
    let escaped = text
        .chars()
        .map(|c| if c.is_control() || reorders(c) { c.escape_unicode().to_string() } else { c.to_string() });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::{Style, printable};

    #[test]
    fn control_characters_reach_no_terminal() {
        assert_eq!(printable("plain — text"), "plain — text");
        assert_eq!(printable("a\x1b[2Jb\u{9b}c\u{202e}d"), r"a\u{1b}[2Jb\u{9b}c\u{202e}d");
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(Style::new(false).bad("x"), "x");
        assert_eq!(Style::new(true).bad("x"), "\x1b[31;1mx\x1b[0m");
    }
}
