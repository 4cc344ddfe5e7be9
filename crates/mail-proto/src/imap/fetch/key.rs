//! The names of the items that a FETCH tells.

/// The items that are known, by name.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Uid,
    Flags,
    InternalDate,
    Size,
    ModSeq,
    Envelope,
    BodyStructure,
    Body,
    BodyPeek,
    Rfc822,
    Binary,
    BinarySize,
    EmailId,
    ThreadId,
    Preview,
    SaveDate,
    GmailMessageId,
    GmailThreadId,
    GmailLabels,
    Unknown,
}

impl Key {
    /// The item of this name in capitals, as nearly all servers write it.
    #[inline]
    fn exact(name: &[u8]) -> Self {
        let is = |known: &[u8], key| if name == known { key } else { Self::Unknown };
        match name.len() {
            3 => is(b"UID", Self::Uid),
            4 => is(b"BODY", Self::Body),
            5 => is(b"FLAGS", Self::Flags),
            6 => match name {
                b"MODSEQ" => Self::ModSeq,
                b"RFC822" => Self::Rfc822,
                b"BINARY" => Self::Binary,
                _ => Self::Unknown,
            },
            7 => match name {
                b"EMAILID" => Self::EmailId,
                b"PREVIEW" => Self::Preview,
                _ => Self::Unknown,
            },
            8 => match name {
                b"ENVELOPE" => Self::Envelope,
                b"THREADID" => Self::ThreadId,
                b"SAVEDATE" => Self::SaveDate,
                _ => Self::Unknown,
            },
            9 => is(b"BODY.PEEK", Self::BodyPeek),
            10 => match name {
                b"X-GM-MSGID" => Self::GmailMessageId,
                b"X-GM-THRID" => Self::GmailThreadId,
                _ => Self::Unknown,
            },
            11 => match name {
                b"RFC822.SIZE" => Self::Size,
                b"RFC822.TEXT" => Self::Rfc822,
                b"BINARY.SIZE" => Self::BinarySize,
                b"X-GM-LABELS" => Self::GmailLabels,
                _ => Self::Unknown,
            },
            12 => is(b"INTERNALDATE", Self::InternalDate),
            13 => match name {
                b"BODYSTRUCTURE" => Self::BodyStructure,
                b"RFC822.HEADER" => Self::Rfc822,
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// The item that begins here, and the length of its name. The items of which a mailbox' listing consists are found
    /// without looking for where their names end.
    #[inline]
    pub(super) fn begins(input: &[u8]) -> (Self, usize) {
        match input.first() {
            Some(b'U') if input.starts_with(b"UID ") => return (Self::Uid, 3),
            Some(b'F') if input.starts_with(b"FLAGS ") => return (Self::Flags, 5),
            Some(b'M') if input.starts_with(b"MODSEQ ") => return (Self::ModSeq, 6),
            Some(b'E') if input.starts_with(b"ENVELOPE ") => return (Self::Envelope, 8),
            Some(b'R') if input.starts_with(b"RFC822.SIZE ") => return (Self::Size, 11),
            Some(b'I') if input.starts_with(b"INTERNALDATE ") => return (Self::InternalDate, 12),
            Some(b'B') if input.starts_with(b"BODYSTRUCTURE ") => return (Self::BodyStructure, 13),
            _ => {}
        }
        let ends = |byte: &u8| matches!(byte, b' ' | b'[' | b'(' | b')' | b'\r' | b'\n');
        let len = input.iter().position(ends).unwrap_or(input.len());
        (Self::of(&input[..len]), len)
    }

    fn of(name: &[u8]) -> Self {
        match Self::exact(name) {
            Self::Unknown if name.iter().any(u8::is_ascii_lowercase) => {
                let mut upper = [0; 16];
                match upper.get_mut(..name.len()) {
                    Some(upper) => {
                        upper.copy_from_slice(name);
                        upper.make_ascii_uppercase();
                        Self::exact(upper)
                    }
                    None => Self::Unknown,
                }
            }
            key => key,
        }
    }
}
