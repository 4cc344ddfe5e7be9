//! What commands and responses have in common: texts, names, flags, sets, dates.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::{Make, arbitrary_by_make, made_by, make, some};
use crate::{
    Secret,
    imap::{
        Capabilities, Capability, Date, DateTime, Flag, MailboxAttribute, MailboxName, PartialRange, Rights,
        SequenceSet, StatusItem, ThreadAlgorithm,
        fetch::{Section, SectionText},
    },
};

impl Make for Bytes {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match u.int_in_range(0..=7)? {
            0..=4 => word(u)?.into(),
            5 | 6 => bytes(u, |byte| b' ' + byte % 95)?.into(),
            _ => bytes(u, |byte| byte.max(1))?.into(),
        })
    }
}

/// An atom.
pub(super) fn word(u: &mut Unstructured<'_>) -> Result<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_$.";
    let mut word = bytes(u, |byte| LETTERS[usize::from(byte) % LETTERS.len()])?;
    if word.is_empty() {
        word.push(b'A');
    }
    Ok(word.into_iter().map(char::from).collect())
}

fn bytes(u: &mut Unstructured<'_>, as_what: fn(u8) -> u8) -> Result<Vec<u8>> {
    let len = u.int_in_range(0..=24)?.min(u.len());
    Ok(u.bytes(len)?.iter().map(|byte| as_what(*byte)).collect())
}

/// A number that isn't 0, small ones more often.
pub(super) fn number(u: &mut Unstructured<'_>) -> Result<u32> {
    if u.arbitrary()? { u.int_in_range(1..=u32::MAX) } else { u.int_in_range(1..=20) }
}

/// The number of a part of a message; of the message itself if `least` is 0.
pub(super) fn part(u: &mut Unstructured<'_>, least: usize) -> Result<Vec<u32>> {
    (0..u.int_in_range(least..=4)?).map(|_| u.int_in_range(1..=9)).collect()
}

/// One of the words, or one that isn't known.
pub(super) fn known_or<T: Clone>(
    u: &mut Unstructured<'_>,
    known: Vec<T>,
    other: fn(&mut Unstructured<'_>) -> Result<T>,
) -> Result<T> {
    if u.int_in_range(0..=3)? == 3 { other(u) } else { u.choose(&known).cloned() }
}

made_by! {
    Secret: |u| Ok(Self::new(make::<Bytes>(u)?));
    MailboxName: |u| Ok(if u.arbitrary()? { Self::from_wire(make::<Bytes>(u)?) } else { Self::new(u.arbitrary()?) });
    Flag: |u| {
        use Flag::{Answered, Deleted, Draft, Flagged, Seen};
        known_or(u, vec![Answered, Deleted, Draft, Flagged, Seen], |u| Ok(Self::new(word(u)?)))
    };
    MailboxAttribute: |u| known_or(u, Self::words(), |u| Ok(Self::new(format!("\\{}", word(u)?))));
    Capability: |u| known_or(u, Self::words(), |u| {
        let heads = ["", "AUTH=", "THREAD=", "QUOTA=RES-", "RIGHTS=", "APPENDLIMIT=", "MESSAGELIMIT=", "SAVELIMIT="];
        let head = *u.choose(&heads)?;
        let tail = if head.ends_with("LIMIT=") { number(u)?.to_string() } else { word(u)? };
        Ok(Self::new(format!("{head}{tail}")))
    });
    Capabilities: |u| Ok(some::<Capability>(u, 1)?.into_iter().collect());
    Rights: |u| {
        let letters: Vec<u8> = (0..u.int_in_range(0..=6)?).map(|_| u.int_in_range(b'a'..=b'z')).collect::<Result<_>>()?;
        Ok(Self::new(letters))
    };
    ThreadAlgorithm: |u| {
        known_or(u, vec![Self::OrderedSubject, Self::References, Self::Refs], |u| Ok(Self::new(word(u)?)))
    };
    StatusItem: |u| u.choose(&Self::words()).copied();
    SequenceSet: |u| {
        Ok(match u.int_in_range(0..=7)? {
            0 => Self::saved(),
            1 => Self::starting_at(number(u)?),
            _ => {
                let mut set = Self::from(number(u)?);
                for _ in 0..u.int_in_range(0..=4)? {
                    let first = number(u)?;
                    set.insert_range(first..=first.saturating_add(u.int_in_range(0..=9)?));
                }
                set
            }
        })
    };
    PartialRange: |u| {
        let (first, last) = (number(u)?, number(u)?);
        Ok(if u.arbitrary()? { Self::FromLast(first, last) } else { Self::FromFirst(first, last) })
    };
    Date: |u| {
        let (year, month, day) = (u.int_in_range(0..=9999)?, u.int_in_range(1..=12)?, u.int_in_range(1..=28)?);
        Ok(Self { year, month, day })
    };
    DateTime: |u| {
        let moment = Self::from_unix_seconds(u.int_in_range(-62_167_219_200..=253_402_300_799)?);
        Ok(Self { offset: u.int_in_range(-5_999..=5_999)?, ..moment })
    };
    Section: |u| {
        let text: SectionText = make(u)?;
        let least = usize::from(text == SectionText::Mime);
        Ok(Self { part: part(u, least)?, text })
    };
    SectionText: |u| {
        let fields = |u: &mut Unstructured<'_>| (0..u.int_in_range(1..=3)?).map(|_| word(u).map(Bytes::from)).collect::<Result<_>>();
        Ok(match u.int_in_range(0..=5)? {
            0 => Self::All,
            1 => Self::Header,
            2 => Self::HeaderFields(fields(u)?),
            3 => Self::HeaderFieldsNot(fields(u)?),
            4 => Self::Text,
            _ => Self::Mime,
        })
    };
}
