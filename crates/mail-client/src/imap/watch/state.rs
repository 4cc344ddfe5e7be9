//! What a watcher knows of its mailbox, and how that is written down.

use std::{collections::HashMap, fmt, str::FromStr};

use mail_proto::imap::SequenceSet;

/// What was known of a mailbox when its changes were last told, to go on from there: see
/// [`WatchBuilder::resume`](super::WatchBuilder::resume).
///
/// Prints as one line of text, and is read back from it. The form stays readable by later versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchState {
    pub(super) uid_validity: Option<u32>,
    /// The highest mod-sequence of all that was told; `None` where the server keeps none.
    pub(super) mod_seq: Option<u64>,
    /// The messages there are.
    pub(super) uids: SequenceSet,
    /// What flags were, in short: of every message where there are no mod-sequences, else of those that may come up
    /// once more.
    pub(super) flags: HashMap<u32, u64>,
}

/// The text isn't a state that this version can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this isn't the state of a watched mailbox")]
pub struct InvalidState;

const VERSION: &str = "watch1";

impl fmt::Display for WatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION} {} ", self.uid_validity.unwrap_or(0))?;
        match self.mod_seq {
            Some(mod_seq) => write!(f, "{mod_seq} ")?,
            None => f.write_str("- ")?,
        }
        if self.uids.is_empty() {
            f.write_str("-")?;
        } else {
            write!(f, "{}", self.uids)?;
        }
        let mut flags: Vec<_> = self.flags.iter().collect();
        flags.sort_unstable();
        flags.into_iter().try_for_each(|(uid, flags)| write!(f, " {uid}:{flags:x}"))
    }
}

impl FromStr for WatchState {
    type Err = InvalidState;

    fn from_str(text: &str) -> Result<Self, InvalidState> {
        let mut words = text.split(' ');
        let mut next = || words.next().ok_or(InvalidState);
        if next()? != VERSION {
            return Err(InvalidState);
        }
        let uid_validity: u32 = next()?.parse().map_err(|_| InvalidState)?;
        let mod_seq = match next()? {
            "-" => None,
            number => Some(number.parse().map_err(|_| InvalidState)?),
        };
        let uids = match next()? {
            "-" => SequenceSet::default(),
            set => set.parse().map_err(|_| InvalidState)?,
        };
        if uids.is_open() {
            return Err(InvalidState);
        }
        let flags = words.map(|word| {
            let (uid, flags) = word.split_once(':').ok_or(InvalidState)?;
            let uid = uid.parse().map_err(|_| InvalidState)?;
            Ok((uid, u64::from_str_radix(flags, 16).map_err(|_| InvalidState)?))
        });
        let flags = flags.collect::<Result<_, InvalidState>>()?;
        Ok(Self { uid_validity: Some(uid_validity).filter(|value| *value > 0), mod_seq, uids, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_down_and_read_back() {
        let known = WatchState {
            uid_validity: Some(7),
            mod_seq: Some(9000),
            uids: (1..=40).collect(),
            flags: HashMap::new(),
        };
        assert_eq!(known.to_string(), "watch1 7 9000 1:40");
        let flags = HashMap::from([(3, 0xff), (1, 2)]);
        let plain =
            WatchState { uid_validity: None, mod_seq: None, uids: [1, 3].into_iter().collect(), flags };
        assert_eq!(plain.to_string(), "watch1 0 - 1,3 1:2 3:ff");
        for state in [known, plain, WatchState::default()] {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for text in ["", "watch1", "watch2 1 1 1", "watch1 x 1 1", "watch1 1 1 1:*", "watch1 1 - 1 1"] {
            assert_eq!(text.parse::<WatchState>(), Err(InvalidState), "{text}");
        }
    }
}
