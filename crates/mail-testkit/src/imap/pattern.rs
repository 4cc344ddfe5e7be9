//! Which mailbox names a LIST pattern means (RFC 9051 6.3.9).

/// Whether the name matches: `*` stands for anything, `%` for anything within one level.
pub(super) fn matches(pattern: &[u8], name: &[u8], delimiter: Option<u8>) -> bool {
    // For each length of the name's beginning, whether the pattern so far means it. Linear in the name for each octet
    // of the pattern, whatever the wildcards.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for wanted in pattern {
        match wanted {
            b'*' | b'%' => {
                for at in 0..name.len() {
                    let passes = *wanted == b'*' || Some(name[at]) != delimiter;
                    reached[at + 1] |= reached[at] && passes;
                }
            }
            octet => {
                for at in (0..name.len()).rev() {
                    reached[at + 1] = reached[at] && name[at] == *octet;
                }
                reached[0] = false;
            }
        }
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "a/b/c", true),
            ("%", "a", true),
            ("%", "a/b", false),
            ("%/%", "a/b", true),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("*b%", "a/bcd", true),
            ("INBOX", "INBOX", true),
            ("INBOX", "INBOX2", false),
            ("a*c*e", "abcde", true),
            ("a*c*f", "abcde", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes(), Some(b'/')),
                expected,
                "{pattern} {name}"
            );
        }
        assert!(matches(b"%", b"a/b", None), "without a delimiter there is one level");
    }
}
