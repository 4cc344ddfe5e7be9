//! The base subject of a message, by which SORT and THREAD compare (RFC 5256 section 2.1).

use super::text::decoded;

/// A subject without what answers and forwards put around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseSubject {
    /// In capitals, since case doesn't count.
    pub(crate) text: String,
    /// Whether it said that the message is an answer or a forward.
    pub(crate) is_reply: bool,
}

impl BaseSubject {
    /// Of the raw value of a Subject field.
    pub(crate) fn of(value: &[u8]) -> Self {
        let words = decoded(value).to_uppercase();
        let mut text = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut is_reply = false;
        loop {
            while let Some(rest) = text.trim_end().strip_suffix("(FWD)") {
                (text, is_reply) = (rest.trim_end().to_owned(), true);
            }
            loop {
                let rest = text.trim_start();
                if let Some(rest) = without_leader(rest) {
                    (text, is_reply) = (rest.to_owned(), true);
                } else if let Some(rest) = without_blob(rest).filter(|rest| !rest.is_empty()) {
                    text = rest.to_owned();
                } else {
                    break;
                }
            }
            match text.trim().strip_prefix("[FWD:").and_then(|rest| rest.strip_suffix(']')) {
                Some(rest) => (text, is_reply) = (rest.to_owned(), true),
                None => return Self { text: text.trim().to_owned(), is_reply },
            }
        }
    }
}

/// `*subj-blob ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"` taken away.
fn without_leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = without_blob(rest) {
        rest = behind;
    }
    let rest = ["RE", "FWD", "FW"].iter().find_map(|word| rest.strip_prefix(word))?.trim_start();
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// `"[" *BLOBCHAR "]" *WSP` taken away.
fn without_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    inner[end..].strip_prefix(']').map(str::trim_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_and_forwards_add_is_taken_away() {
        for (subject, text, is_reply) in [
            ("Hello", "HELLO", false),
            ("Re: hello", "HELLO", true),
            ("RE[2]: Fwd: hello (fwd) (FWD)", "HELLO", true),
            ("[list] Re: [list] hello", "HELLO", true),
            ("[list] hello", "HELLO", false),
            ("[list]", "[LIST]", false),
            ("[Fwd: hello]", "HELLO", true),
            ("Re:", "", true),
            ("Regards", "REGARDS", false),
            ("=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?=", "GRÜSSE", true),
            ("  a \t b  ", "A B", false),
        ] {
            assert_eq!(
                BaseSubject::of(subject.as_bytes()),
                BaseSubject { text: text.into(), is_reply },
                "{subject}"
            );
        }
    }
}
