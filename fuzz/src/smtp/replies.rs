//! What a server says: read the same however split, and read again as it was written.

use mail_proto::smtp::{Extension, Extensions, Limits, ParseOptions, Parsed, ReadError, Reply, ReplyReader};

use crate::{shown, steps::however_split};

/// Replies, tolerantly and strictly, with the default limits and with small ones.
pub fn replies_survive_being_written(data: &[u8]) {
    for limits in [Limits::default(), SMALL] {
        let whole = replies(&[data], &limits, ParseOptions::default());
        however_split(
            data,
            |pieces| replies(pieces, &limits, ParseOptions::default()),
            |split, how| assert_eq!(split, whole, "{how}"),
        );
    }
    let (tolerant, _) = replies(&[data], &Limits::default(), ParseOptions::default());
    let (strict, _) = replies(&[data], &Limits::default(), ParseOptions::STRICT);
    assert!(tolerant.starts_with(&strict), "strict reads {} otherwise", shown(data));
    for Parsed { value: reply, .. } in &tolerant {
        // A line can hold NUL, and CR or LF alone, which are never written.
        let Ok(written) = reply.encode() else { continue };
        let (again, error) = replies(&[&written], &Limits::default(), ParseOptions::STRICT);
        assert_eq!((again.len(), error), (1, None), "{reply} was written as {}", shown(&written));
        // Text that begins as an enhanced code does is one when it is read first.
        let is_code =
            |line: &[u8]| line.split(|byte| *byte == b' ').next().is_some_and(|word| word.contains(&b'.'));
        if !reply.lines.iter().any(|line| is_code(line)) {
            assert_eq!(&again[0].value, reply, "{reply} was written as {}", shown(&written));
        }
        for extension in Extensions::of(reply).iter() {
            check_extension(extension);
        }
    }
}

/// Limits that a short input can reach.
const SMALL: Limits = Limits { line: 24, lines: 3 };

fn replies(
    pieces: &[&[u8]],
    limits: &Limits,
    options: ParseOptions,
) -> (Vec<Parsed<Reply>>, Option<ReadError>) {
    let mut reader = ReplyReader::new(limits.clone(), options);
    let mut replies = Vec::new();
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

fn check_extension(extension: &Extension) {
    // What isn't known is kept as it is, with whatever white space is in it.
    let Ok(written) = extension.encode() else { return };
    assert_eq!(&Extension::parse(&written), extension, "written as {}", shown(&written));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Target;

    #[test]
    fn seeds_reach_every_extension() {
        let (mut count, mut enhanced, mut longer, mut found) = (0, 0, 0, BTreeSet::new());
        for seed in Target::find("smtp_replies").unwrap().seeds() {
            for parsed in replies(&[&seed], &Limits::default(), ParseOptions::default()).0 {
                count += 1;
                enhanced += usize::from(parsed.value.enhanced.is_some());
                longer += usize::from(parsed.value.lines.len() > 1);
                for extension in Extensions::of(&parsed.value).iter() {
                    let shown = format!("{extension:?}");
                    found.insert(shown.split('(').next().unwrap_or_default().to_owned());
                }
            }
        }
        assert!(count >= 25 && enhanced >= 6 && longer >= 4, "{count} {enhanced} {longer}");
        for extension in "StartTls Auth Size Pipelining EightBitMime BinaryMime Chunking SmtpUtf8 \
            EnhancedStatusCodes Dsn RequireTls Other"
            .split_whitespace()
        {
            assert!(found.contains(extension), "no {extension} in {found:?}");
        }
    }
}
