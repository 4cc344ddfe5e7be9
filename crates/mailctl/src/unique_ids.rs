//! What the messages of a POP3 maildrop are called, and where each of them lies.
//!
//! A unique-id (RFC 1939 section 7) is up to a server and long; a file's name has a number. So each unique-id gets one,
//! which is written down before the file is, and no number is given twice. A unique-id that the server doesn't list any
//! more is forgotten: it may mean another message later, which must not be taken for the old one.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};

/// A message that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// UIDVALIDITY and UID in its file's name.
    pub(crate) file: (u32, u32),
    /// What came from the server.
    pub(crate) sha256: [u8; 32],
}

/// A message that the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The number that its file has, or is to have.
    pub(crate) number: u32,
    /// `None` until it is on disk.
    pub(crate) kept: Option<Kept>,
    /// The number of a file that may be this message, if nothing is kept: whatever stored it didn't come to say so.
    pub(crate) before: Option<u32>,
}

/// The messages of a maildrop by their unique-ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UniqueIds(BTreeMap<Vec<u8>, Known>);

impl UniqueIds {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn get(&self, id: &[u8]) -> Option<Known> {
        self.0.get(id).copied()
    }

    /// The highest number that one has, 0 if there is none.
    pub(crate) fn highest(&self) -> u32 {
        self.0.values().map(|known| known.number).max().unwrap_or(0)
    }

    /// Forgets those that aren't listed.
    pub(crate) fn retain(&mut self, is_listed: impl Fn(&[u8]) -> bool) {
        self.0.retain(|id, _| is_listed(id));
    }

    /// Gives a message a number, and takes it for one that isn't on disk, or only as the file of the number `before`.
    pub(crate) fn number(&mut self, id: &[u8], number: u32, before: Option<u32>) {
        self.0.insert(id.to_vec(), Known { number, kept: None, before });
    }

    /// Notes that a message is on disk.
    pub(crate) fn keep(&mut self, id: &[u8], kept: Kept) {
        if let Some(known) = self.0.get_mut(id) {
            known.kept = Some(kept);
            known.before = None;
        }
    }

    /// Takes all for messages that may be on disk or not, each under its number: they are to be compared.
    pub(crate) fn doubt(&mut self, uid_validity: u32) {
        for known in self.0.values_mut() {
            if let Some(kept) = known.kept.take()
                && kept.file.0 == uid_validity
            {
                known.number = kept.file.1;
            }
        }
    }

    pub(crate) fn records(&self) -> Vec<UniqueIdRecord> {
        let record = |(id, known): (&Vec<u8>, &Known)| UniqueIdRecord {
            id: percent_encode(id, ESCAPED).to_string(),
            number: known.number,
            kept: known.kept.map(|kept| {
                let hex = kept.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
                (kept.file.0, kept.file.1, hex)
            }),
            before: known.before,
        };
        self.0.iter().map(record).collect()
    }

    /// What [`Self::records`] gave.
    pub(crate) fn from_records(records: Vec<UniqueIdRecord>) -> Result<Self, &'static str> {
        let known = |record: UniqueIdRecord| {
            let kept = record.kept.map(|(uid_validity, uid, hex)| {
                let sha256 = from_hex(&hex).ok_or("a hash in it can't be read")?;
                Ok::<_, &'static str>(Kept { file: (uid_validity, uid), sha256 })
            });
            let known = Known { number: record.number, kept: kept.transpose()?, before: record.before };
            Ok((percent_decode_str(&record.id).collect(), known))
        };
        records.into_iter().map(known).collect::<Result<_, _>>().map(Self)
    }
}

const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b'"').add(b'\\');

/// `kept` is the file's UIDVALIDITY and UID, and the SHA-256 in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UniqueIdRecord {
    id: String,
    number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<(u32, u32, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<u32>,
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_were_written() {
        let mut ids = UniqueIds::default();
        for (id, number) in [(&b"plain"[..], 1), (b"a%b\"\\ \xff\0", 9), (b"", 4)] {
            ids.number(id, number, Some(3).filter(|_| number == 4));
        }
        let kept = Kept { file: (7, 9), sha256: std::array::from_fn(|at| at as u8 * 8) };
        ids.keep(b"plain", kept);
        ids.keep(b"never seen", kept);
        let json = serde_json::to_string(&ids.records()).unwrap();
        let read = UniqueIds::from_records(serde_json::from_str(&json).unwrap()).unwrap();
        assert_eq!(read, ids);
        assert_eq!((read.highest(), read.get(b"plain").unwrap().kept), (9, Some(kept)));
        assert_eq!(read.get(b"never seen"), None);
        let bad = json.replace("0008", "00x8");
        assert!(UniqueIds::from_records(serde_json::from_str(&bad).unwrap()).is_err());
    }
}
