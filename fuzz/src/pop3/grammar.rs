//! What is read can be written, and what was written is read as the same.

use bytes::Bytes;
use mail_proto::pop3::{
    Capability, Command, CommandReader, DropListing, ParseOptions, Reply, ReplyKind, ScanListing, UniqueId,
};

use crate::shown;

/// Each line as everything that a line can be, on both sides.
pub fn lines_survive_being_written(data: &[u8]) {
    for_each_line(data, |line| {
        check_reply(line);
        check_command(line);
        check_listings(line);
        check_capability(line);
    });
}

fn for_each_line(data: &[u8], mut each: impl FnMut(&Bytes)) {
    let mut reader = CommandReader::new(64 << 10);
    reader.buffer().extend_from_slice(data);
    while let Ok(Some(line)) = reader.next_line() {
        each(&line);
    }
    let rest = reader.buffer().split().freeze();
    each(&rest);
}

fn check_reply(line: &Bytes) {
    let tolerant = Reply::parse(line.clone(), ParseOptions::default());
    if let Ok(parsed) = &tolerant {
        let timestamp = parsed.value.apop_timestamp();
        assert!(timestamp.is_none_or(|found| found.starts_with(b"<") && found.ends_with(b">")));
        let drop = DropListing::parse(&parsed.value, ParseOptions::STRICT);
        if let Ok(drop) = drop {
            let reply = Reply::new(ReplyKind::Ok, drop.value.encode());
            assert_eq!(
                DropListing::parse(&reply, ParseOptions::STRICT).as_ref(),
                Ok(&drop),
                "{}",
                shown(line)
            );
        }
    }
    let Ok(strict) = Reply::parse(line.clone(), ParseOptions::STRICT) else { return };
    assert_eq!(tolerant.as_ref(), Ok(&strict), "strict reads {} otherwise", shown(line));
    let Ok(written) = strict.value.encode() else { return };
    let again = Reply::parse(written.clone(), ParseOptions::STRICT);
    let again =
        again.unwrap_or_else(|error| panic!("{error}: {} was written as {}", shown(line), shown(&written)));
    if again.value != strict.value && strict.value.kind != ReplyKind::Continue {
        // Text that looks like a code is kept from being read as one by a space.
        let expected = Reply { text: [b" ", &strict.value.text[..]].concat().into(), ..strict.value };
        assert_eq!(again.value, expected, "{} was written as {}", shown(line), shown(&written));
    } else {
        assert_eq!(again.value, strict.value, "{} was written as {}", shown(line), shown(&written));
    }
}

fn check_command(line: &Bytes) {
    let Ok(command) = Command::parse(line.clone()) else { return };
    let Ok(written) = command.encode() else { return };
    assert_eq!(
        written.iter().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).count(),
        2,
        "{}",
        shown(&written)
    );
    let again = Command::parse(written.clone());
    assert_eq!(again.as_ref(), Ok(&command), "{} was written as {}", shown(line), shown(&written));
    let _ = command.answer();
}

fn check_listings(line: &Bytes) {
    let _ = ScanListing::parse(line.clone(), ParseOptions::default());
    if let Ok(size) = ScanListing::parse(line.clone(), ParseOptions::STRICT) {
        assert_eq!(ScanListing::parse(size.value.encode(), ParseOptions::STRICT).as_ref(), Ok(&size));
    }
    let _ = UniqueId::parse(line.clone(), ParseOptions::default());
    if let Ok(uid) = UniqueId::parse(line.clone(), ParseOptions::STRICT) {
        let written = uid.value.encode().unwrap_or_else(|error| panic!("{error}: {}", shown(line)));
        assert_eq!(UniqueId::parse(written, ParseOptions::STRICT).as_ref(), Ok(&uid), "{}", shown(line));
    }
}

fn check_capability(line: &Bytes) {
    let capability = Capability::parse(line.clone());
    let Ok(written) = capability.encode() else { return };
    assert_eq!(Capability::parse(written), capability, "{}", shown(line));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Target;

    #[test]
    fn seeds_reach_every_reply_command_and_capability() {
        let mut found = BTreeMap::<String, usize>::new();
        let mut count = |what: &str, value: &dyn std::fmt::Debug| {
            let shown = format!("{value:?}");
            let variant = shown.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default();
            *found.entry(format!("{what} {variant}")).or_default() += 1;
        };
        for seed in Target::find("pop3_grammar").unwrap().seeds() {
            for_each_line(&seed, |line| {
                if let Ok(reply) = Reply::parse(line.clone(), ParseOptions::STRICT) {
                    count("reply", &reply.value.kind);
                    if let Some(code) = &reply.value.code {
                        count("code", code);
                    }
                    if reply.value.apop_timestamp().is_some() {
                        count("timestamp", &());
                    }
                    if DropListing::parse(&reply.value, ParseOptions::STRICT).is_ok() {
                        count("drop", &());
                    }
                }
                if let Ok(command) = Command::parse(line.clone()) {
                    count("command", &command);
                }
                if ScanListing::parse(line.clone(), ParseOptions::STRICT).is_ok() {
                    count("size", &());
                }
                if UniqueId::parse(line.clone(), ParseOptions::STRICT).is_ok() {
                    count("uid", &());
                }
                count("capability", &Capability::parse(line.clone()));
            });
        }
        for (what, variants) in [
            ("reply", "Ok Err Continue"),
            ("code", "InUse LoginDelay Auth SysTemp SysPerm Utf8 Other"),
            (
                "command",
                "User Pass Apop Auth Stls Capa Utf8 Lang Stat List Uidl Retr Top Dele Noop Rset Quit",
            ),
            (
                "capability",
                "Top Uidl User Sasl RespCodes AuthRespCode LoginDelay Pipelining Expire Implementation Stls Utf8 Lang Other",
            ),
        ] {
            for variant in variants.split(' ') {
                assert!(found.contains_key(&format!("{what} {variant}")), "no {what} {variant} in {found:?}");
            }
        }
        for (what, least) in [("timestamp ", 2), ("drop ", 2), ("size ", 4), ("uid ", 10), ("reply Ok", 40)] {
            assert!(found.get(what).is_some_and(|count| *count >= least), "{what}: {found:?}");
        }
    }
}
