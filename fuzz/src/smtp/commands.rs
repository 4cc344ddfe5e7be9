//! What a client says: commands, messages and chunks, read the same however split, and read again as written.

use mail_proto::{
    frame::FrameError,
    smtp::{Address, Command, Event, Reader},
};

use crate::{shown, steps::however_split};

/// Commands, with the message behind a DATA and the chunk behind a BDAT.
pub fn commands_survive_being_written(data: &[u8]) {
    for (line, message) in [(1 << 16, u64::MAX), (40, 60)] {
        let whole = events(&[data], line, message);
        however_split(
            data,
            |pieces| events(pieces, line, message),
            |split, how| {
                assert_eq!(split.1, whole.1, "{how}");
                // Of what exceeds a limit, more or less may have come out before.
                assert!(whole.1.is_some() || split.0 == whole.0, "{how}: {:?} and {:?}", split.0, whole.0);
            },
        );
    }
    for event in events(&[data], 1 << 16, u64::MAX).0 {
        if let Event::Line(line) = event {
            check_command(&line);
        }
    }
    if let Some(address) = std::str::from_utf8(data).ok().and_then(|text| Address::new(text).ok()) {
        check_address(&address);
    }
}

/// What a server reads when each DATA is answered and each BDAT believed.
fn events(pieces: &[&[u8]], line: usize, message: u64) -> (Vec<Event>, Option<FrameError>) {
    let mut reader = Reader::new(line, message);
    let mut events = Vec::new();
    for piece in pieces {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.next_event() {
                Ok(Some(event)) => {
                    if let Event::Line(line) = &event {
                        match Command::parse(line.clone()) {
                            Ok(Command::Data) => reader.expect_data(),
                            Ok(Command::Bdat { size, .. }) => reader.expect_chunk(size),
                            Ok(Command::Rset) => reader.reset_size(),
                            _ => {}
                        }
                    }
                    match (events.last_mut(), event) {
                        (_, Event::Chunk(chunk)) if chunk.is_empty() => panic!("an empty chunk"),
                        (Some(Event::Chunk(last)), Event::Chunk(more)) => {
                            *last = [&last[..], &more[..]].concat().into();
                        }
                        (_, event) => events.push(event),
                    }
                }
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

fn check_command(line: &bytes::Bytes) {
    let Ok(command) = Command::parse(line.clone()) else { return };
    let Ok(written) = command.encode() else { return };
    let ends = written.iter().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).count();
    assert!(ends == 2 && written.ends_with(b"\r\n"), "{}", shown(&written));
    let again = Command::parse(written.clone());
    assert_eq!(again.as_ref(), Ok(&command), "{} was written as {}", shown(line), shown(&written));
    match &command {
        Command::Mail { from: Some(address), .. } | Command::Rcpt { to: address, .. } => {
            check_address(address)
        }
        _ => {}
    }
}

/// What is an address stays one in its command, and is one argument.
fn check_address(address: &Address) {
    assert_eq!(Address::new(address.as_str()).as_ref(), Ok(address));
    assert!(!address.as_str().chars().any(|char| matches!(char, '\r' | '\n' | '\0')), "{address:?}");
    let command = Command::Rcpt { to: address.clone(), parameters: Default::default() };
    let written = command.encode().expect("an address can be written");
    assert_eq!(Command::parse(written.clone()).as_ref(), Ok(&command), "{}", shown(&written));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Target;

    #[test]
    fn seeds_reach_every_command() {
        let mut found = BTreeMap::<String, usize>::new();
        let (mut ends, mut parameters) = (0, String::new());
        for seed in Target::find("smtp_commands").unwrap().seeds() {
            for event in events(&[&seed], 1 << 16, u64::MAX).0 {
                match event {
                    Event::Line(line) => {
                        if let Ok(command) = Command::parse(line) {
                            *found.entry(command.name().to_owned()).or_default() += 1;
                            parameters.push_str(&format!("{command:?}"));
                        }
                    }
                    Event::End { .. } => ends += 1,
                    _ => {}
                }
            }
        }
        for name in "EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT".split(' ') {
            assert!(found.get(name).is_some_and(|count| *count >= 2), "{name} in {found:?}");
        }
        for parameter in [
            "size: Some",
            "SevenBit",
            "EightBitMime",
            "BinaryMime",
            "smtp_utf8: true",
            "Full",
            "Headers",
            "envelope_id: Some",
            "auth: Some",
            "require_tls: true",
            "success: true",
            "delay: true",
            "original: Some",
            "other: [(",
        ] {
            assert!(parameters.contains(parameter), "no {parameter}");
        }
        assert!(ends >= 5, "{ends}");
    }
}
