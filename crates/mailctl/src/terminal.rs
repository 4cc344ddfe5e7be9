//! Text that came from outside, made safe to show on a terminal and to fit on one line.

use std::borrow::Cow;

/// The text with control characters (line ends and escape sequences among them) shown as escapes.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    // Bidirectional overrides can make a name look like another.
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if hostile(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_shown_and_do_nothing() {
        assert!(matches!(printable("Entwürfe 日本"), Cow::Borrowed(_)));
        assert_eq!(printable("a\x1b[2Jb\r\nc\u{202e}d"), "a\\u{1b}[2Jb\\r\\nc\\u{202e}d");
    }
}
