//! METADATA (RFC 5464): values kept with mailboxes and with the account.

use std::collections::BTreeMap;

use bytes::Bytes;
use mail_proto::imap::response::Untagged;
use mail_proto::imap::{
    MailboxName, Metadata, MetadataCode, MetadataData, MetadataDepth, MetadataOptions, ResponseCode, Status,
};

use super::refusal::refusal;
use super::{Session, bad, done, no};
use crate::store::{Account, Contents, StoreError};

/// The longest value that is taken, in octets.
const LONGEST: usize = 64 * 1024;
/// So many values are taken for one mailbox.
const MOST: usize = 1000;

/// Values by their names in lower case, since case doesn't count.
type Values = BTreeMap<Vec<u8>, Bytes>;

impl Session<'_> {
    pub(super) fn get_metadata(
        &mut self,
        account: &Account,
        mailbox: &MailboxName,
        options: MetadataOptions,
        entries: &[Bytes],
    ) -> Status {
        let kept = match values(&mut account.lock(), mailbox) {
            Ok(values) => values.clone(),
            Err(error) => return refusal(&error),
        };
        let depth = options.depth.unwrap_or(MetadataDepth::Zero);
        let mut told = Vec::new();
        let mut longest = None;
        for wanted in entries {
            let mut found = false;
            for (name, value) in
                kept.iter().filter(|(name, _)| is_meant(name, &wanted.to_ascii_lowercase(), depth))
            {
                found = true;
                let len = value.len() as u64;
                if options.max_size.is_some_and(|most| len > most) {
                    longest = longest.max(Some(len));
                } else {
                    told.push((Bytes::from(name.clone()), Some(value.clone())));
                }
            }
            if !found && depth == MetadataDepth::Zero {
                told.push((wanted.clone(), None));
            }
        }
        if !told.is_empty() {
            let data = MetadataData::Entries(told);
            self.say(Untagged::Metadata(Metadata { mailbox: mailbox.clone(), data }));
        }
        let code = longest.map(|longest| ResponseCode::Metadata(MetadataCode::LongEntries(longest)));
        Status { code, ..done() }
    }
}

pub(super) fn set_metadata(
    account: &Account,
    mailbox: &MailboxName,
    entries: &[(Bytes, Option<Bytes>)],
) -> Status {
    for (name, value) in entries {
        let name = name.to_ascii_lowercase();
        let is_known = [&b"/private/"[..], b"/shared/"]
            .iter()
            .any(|head| name.len() > head.len() && name.starts_with(head));
        let is_name =
            is_known && !name.ends_with(b"/") && !name.iter().any(|octet| matches!(octet, b'*' | b'%'));
        if !is_name {
            return bad("names begin with /private/ or /shared/");
        }
        if value.as_ref().is_some_and(|value| value.len() > LONGEST) {
            let code = ResponseCode::Metadata(MetadataCode::MaxSize(LONGEST as u64));
            return no(code, "the value is too long");
        }
    }
    let result = {
        let mut contents = account.lock();
        values(&mut contents, mailbox).map(|values| {
            let new = entries
                .iter()
                .filter(|(name, value)| value.is_some() && !values.contains_key(&name.to_ascii_lowercase()));
            if values.len() + new.count() > MOST {
                return Some(no(ResponseCode::Metadata(MetadataCode::TooMany), "there are too many values"));
            }
            for (name, value) in entries {
                let name = name.to_ascii_lowercase();
                match value {
                    Some(value) => values.insert(name, Bytes::copy_from_slice(value)),
                    None => values.remove(&name),
                };
            }
            None
        })
    };
    match result {
        Ok(refused) => refused.unwrap_or_else(done),
        Err(error) => refusal(&error),
    }
}

fn values<'a>(contents: &'a mut Contents, mailbox: &MailboxName) -> Result<&'a mut Values, StoreError> {
    if mailbox.as_bytes().is_empty() {
        return Ok(&mut contents.metadata);
    }
    contents.find_mut(mailbox.as_bytes()).map(|(_, mailbox)| &mut mailbox.metadata)
}

fn is_meant(name: &[u8], wanted: &[u8], depth: MetadataDepth) -> bool {
    let Some(below) = name.strip_prefix(wanted) else { return false };
    match (below, depth) {
        ([], _) => true,
        ([b'/', ..], MetadataDepth::Infinity) => true,
        ([b'/', name @ ..], MetadataDepth::One) => !name.contains(&b'/'),
        _ => false,
    }
}
