//! What a message's file is called: `1700000000.V7U42.mailctl,S=1234:2,FS`.
//!
//! The name says which message it is (UIDVALIDITY and UID), so a run knows what an earlier one left however far the
//! state lags behind, and how many octets it has. The first number is the INTERNALDATE in seconds since 1970, which
//! mail readers sort by.

/// Flags that a Maildir knows, one bit a letter, in the order in which they stand in a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MaildirFlags(u8);

impl MaildirFlags {
    /// Letter, IMAP flag: `P` (passed) is the keyword $Forwarded (RFC 5788).
    const LETTERS: [(char, &str); 6] = [
        ('D', "\\Draft"),
        ('F', "\\Flagged"),
        ('P', "$Forwarded"),
        ('R', "\\Answered"),
        ('S', "\\Seen"),
        ('T', "\\Deleted"),
    ];

    /// Adds what the IMAP flag means, compared without case; flags that a Maildir doesn't know add nothing.
    pub(crate) fn add(&mut self, imap: &str) {
        if let Some(bit) = Self::LETTERS.iter().position(|(_, flag)| flag.eq_ignore_ascii_case(imap)) {
            self.0 |= 1 << bit;
        }
    }

    /// Whether there are none: such mail goes to `new/`.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The letters, in ASCII order.
    pub(crate) fn letters(self) -> impl Iterator<Item = char> {
        Self::LETTERS
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & 1 << bit != 0)
            .map(|(_, &(letter, _))| letter)
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// The flags that [`Self::bits`] gave; unknown bits are dropped.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & 0x3f)
    }
}

/// Which message a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageName {
    /// INTERNALDATE in seconds since 1970, brought into the range of 32 bits.
    pub(crate) date: u32,
    pub(crate) uid_validity: u32,
    pub(crate) uid: u32,
    /// Octets of the message.
    pub(crate) size: u64,
}

impl MessageName {
    /// The file's name before any `:2,`.
    pub(crate) fn base(&self) -> String {
        let Self { date, uid_validity, uid, size } = self;
        format!("{date}.V{uid_validity}U{uid}.mailctl,S={size}")
    }

    /// The name with its flags, for a file in `cur/`.
    pub(crate) fn with_flags(&self, letters: impl Iterator<Item = char>) -> String {
        let mut name = self.base();
        name.push_str(":2,");
        name.extend(letters);
        name
    }

    /// Reads a name that [`Self::base`] made, and what mail programs have put behind it since (`:2,S`, `,W=5:2,`).
    /// `None` for files of others.
    pub(crate) fn parse(name: &str) -> Option<(Self, &str)> {
        let (date, rest) = number::<u32>(name)?;
        let (uid_validity, rest) = number::<u32>(rest.strip_prefix(".V")?)?;
        let (uid, rest) = number::<u32>(rest.strip_prefix('U')?)?;
        let (size, rest) = number::<u64>(rest.strip_prefix(".mailctl,S=")?)?;
        let whole = rest.is_empty() || rest.starts_with([':', ',']);
        (whole && uid != 0).then_some((Self { date, uid_validity, uid, size }, rest))
    }
}

/// A number as `to_string` writes it, and what follows.
fn number<T: std::str::FromStr>(text: &str) -> Option<(T, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_stand_in_ascii_order() {
        let mut flags = MaildirFlags::default();
        assert!(flags.is_empty());
        for flag in ["\\Recent", "$Junk", "Seen", ""] {
            flags.add(flag);
        }
        assert!(flags.is_empty());
        for flag in ["\\DELETED", "\\seen", "\\Answered", "$forwarded", "\\Flagged", "\\Draft", "\\Seen"] {
            flags.add(flag);
        }
        assert_eq!(flags.letters().collect::<String>(), "DFPRST");
        let mut flags = MaildirFlags::default();
        flags.add("\\Seen");
        flags.add("\\Flagged");
        assert_eq!(flags.letters().collect::<String>(), "FS");
        assert_eq!(MaildirFlags::from_bits(flags.bits()), flags);
    }

    #[test]
    fn a_name_says_which_message_it_is() {
        let name = MessageName { date: 1_700_000_000, uid_validity: 7, uid: 42, size: 1234 };
        assert_eq!(name.base(), "1700000000.V7U42.mailctl,S=1234");
        assert_eq!(name.with_flags("FS".chars()), "1700000000.V7U42.mailctl,S=1234:2,FS");
        for rest in ["", ":2,", ":2,FSa", ",W=1300:2,S", ",U=5"] {
            assert_eq!(MessageName::parse(&format!("{}{rest}", name.base())), Some((name, rest)));
        }
    }

    #[test]
    fn files_of_others_are_not_ours() {
        for name in [
            "",
            "1700000000.M1P2.host,S=3:2,S",
            "1.V1U1.mailctl",
            "1.V1U0.mailctl,S=1",
            "1.V1U1.mailctl,S=1x",
            "1.V1U1.mailctl,S=",
            "01.V1U1.mailctl,S=1",
            "1.V1U4294967296.mailctl,S=1",
            "1.V-1U1.mailctl,S=1",
            "1.V1U1.other,S=1",
        ] {
            assert_eq!(MessageName::parse(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(date: u32, uid_validity: u32, uid in 1u32.., size: u64, bits in 0u8..64) {
            let name = MessageName { date, uid_validity, uid, size };
            let letters: String = MaildirFlags::from_bits(bits).letters().collect();
            let file = name.with_flags(letters.chars());
            prop_assert_eq!(MessageName::parse(&file), Some((name, &file[file.len() - 3 - letters.len()..])));
        }

        #[test]
        fn no_name_makes_it_panic(name in "[0-9VU.a,S=:é]{0,30}") {
            let _ = MessageName::parse(&name);
        }
    }
}
