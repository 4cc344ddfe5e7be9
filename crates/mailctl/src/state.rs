//! What a backup has done so far: `DIR/.mailctl/state`.
//!
//! The file is JSON:
//! ```json
//! {"format": "mailctl state", "version": 1,
//!  "account": {"user": "me", "host": "imap.example.org"},
//!  "mailboxes": [{"name": "INBOX", "folder": "", "uid_validity": 7, "done": "1:500,502",
//!                 "recognised": [{"uid_validity": 3, "uids": "1:90"}],
//!                 "unique_ids": [{"id": "a%25b", "number": 1, "kept": [7, 1, "9f86…"]}]}],
//!  "checksum": "…"}
//! ```
//! `name` is the mailbox's name on the wire, printable ASCII as it is and anything else, `%` too, as `%XX`. `folder` is
//! the folder inside DIR, empty for DIR itself. `done` are the UIDs that need not be fetched any more: what was stored,
//! what was recognised, and numbers that no message has. `recognised` are files of earlier epochs that stand for
//! messages of this one. `unique_ids` are the messages of a POP3 maildrop: the
//! number of each, and where it is on disk the UIDVALIDITY and UID in its file's name, with its SHA-256. `checksum` is the SHA-256 of `[account, mailboxes]` in the compact form.
//!
//! It is replaced by a rename after its fsync, and only after the mail that it speaks of is durable. Where it lags
//! behind, the names of the files say what is there; so it need not be written for each message. A file that can't be
//! understood is an error that names it, never a reason to start anew.

use std::{
    borrow::Cow,
    fs::{self, File, TryLockError},
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    disk::{self, DiskError, failed},
    maildir::STATE_FOLDER,
    uid_ranges::UidRanges,
    unique_ids::{UniqueIdRecord, UniqueIds},
};

const FORMAT: &str = "mailctl state";
const VERSION: u32 = 1;

/// Whose mail a directory holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) user: String,
    /// Without the port: that says how to get there, not whose mail it is.
    pub(crate) host: String,
}

/// What is known of one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailboxState {
    /// The name's bytes on the wire.
    pub(crate) name: Vec<u8>,
    /// The folder inside DIR; empty for DIR itself.
    pub(crate) folder: String,
    /// The epoch, 0 for none yet.
    pub(crate) uid_validity: u32,
    pub(crate) done: UidRanges,
    /// UIDVALIDITY and UIDs of earlier epochs' files.
    pub(crate) recognised: Vec<(u32, UidRanges)>,
    /// What a POP3 server calls its messages; no others have any.
    pub(crate) unique_ids: UniqueIds,
}

impl MailboxState {
    /// A mailbox of which nothing has been fetched.
    pub(crate) fn new(name: &[u8], folder: String) -> Self {
        Self {
            name: name.to_vec(),
            folder,
            uid_validity: 0,
            done: UidRanges::default(),
            recognised: Vec::new(),
            unique_ids: UniqueIds::default(),
        }
    }

    /// Begins an epoch: what is done in another is no longer known by its UIDs.
    pub(crate) fn enter_epoch(&mut self, uid_validity: u32) {
        if self.uid_validity != uid_validity {
            self.uid_validity = uid_validity;
            self.done = UidRanges::default();
            self.recognised.clear();
            self.unique_ids.clear();
        }
    }

    /// Notes that an earlier epoch's file stands for a message of this one.
    pub(crate) fn recognise(&mut self, uid_validity: u32, uid: u32) {
        match self.recognised.iter_mut().find(|(epoch, _)| *epoch == uid_validity) {
            Some((_, uids)) => uids.insert(uid),
            None => self.recognised.push((uid_validity, UidRanges::from_iter([uid]))),
        }
    }

    /// Whether an earlier epoch's file stands for a message of this one.
    pub(crate) fn is_recognised(&self, uid_validity: u32, uid: u32) -> bool {
        self.recognised.iter().any(|(epoch, uids)| *epoch == uid_validity && uids.contains(uid))
    }
}

/// Why a directory can't be used for a backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StateError {
    #[error("another mailctl is at work on {}", path.display())]
    Locked { path: PathBuf },
    #[error(
        "{} is damaged ({why}); restore it, or remove it to have the mail files that are there compared anew",
        path.display()
    )]
    Damaged { path: PathBuf, why: Cow<'static, str> },
    #[error("{} was written by a newer mailctl (version {version})", path.display())]
    Newer { path: PathBuf, version: u64 },
    #[error(
        "{} belongs to the mail of {} at {}, not of {} at {}; give each account a directory of its own{}",
        path.display(), found.user, found.host, wanted.user, wanted.host,
        if found.user == wanted.user { ", or say --host-changed if it is the same account" } else { "" }
    )]
    OtherAccount { path: PathBuf, found: Account, wanted: Account },
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The state of a directory, locked against other runs for as long as this lives.
#[derive(Debug)]
pub(crate) struct State {
    folder: PathBuf,
    account: Account,
    pub(crate) mailboxes: Vec<MailboxState>,
    /// Held for the lock.
    _lock: File,
}

impl State {
    /// Opens or begins the state of `directory`, which is made if need be. `host_changed` takes a state whose host is
    /// another one.
    pub(crate) fn open(directory: &Path, account: Account, host_changed: bool) -> Result<Self, StateError> {
        let made = disk::make_folder(directory)?;
        if made && let Some(parent) = directory.parent() {
            // A relative path of one component has the empty path as its parent.
            disk::sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
        }
        let folder = directory.join(STATE_FOLDER);
        if disk::make_folder(&folder)? {
            disk::sync_folder(directory)?;
        }
        let lock = lock(&folder.join("lock"), directory)?;
        let path = folder.join("state");
        let mailboxes = match fs::read(&path) {
            Ok(bytes) => {
                let (found, mailboxes) = parse(&bytes, &path)?;
                if found.user != account.user || (found.host != account.host && !host_changed) {
                    return Err(StateError::OtherAccount { path, found, wanted: account });
                }
                mailboxes
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed("read", &path)(error).into()),
        };
        Ok(Self { folder, account, mailboxes, _lock: lock })
    }

    /// Replaces the file durably. The caller has made all mail durable that `mailboxes` speaks of.
    pub(crate) fn commit(&self) -> Result<(), DiskError> {
        let new = self.folder.join("state.new");
        self.write(&new)?;
        let path = self.folder.join("state");
        fs::rename(&new, &path).map_err(failed("replace", &path))?;
        disk::sync_folder(&self.folder)
    }

    fn write(&self, path: &Path) -> Result<(), DiskError> {
        let mailboxes: Vec<MailboxRecord<'_>> = self.mailboxes.iter().map(MailboxRecord::from).collect();
        let record = StateRecord {
            format: FORMAT.into(),
            version: VERSION,
            account: Cow::Borrowed(&self.account),
            checksum: checksum(&self.account, &mailboxes).map_err(failed("write", path))?,
            mailboxes,
        };
        let mut out = BufWriter::new(File::create(path).map_err(failed("create", path))?);
        serde_json::to_writer(&mut out, &record)
            .map_err(io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(failed("write", path))?;
        out.get_ref().sync_all().map_err(failed("sync", path))
    }
}

fn lock(path: &Path, directory: &Path) -> Result<File, StateError> {
    let file =
        File::options().create(true).truncate(false).write(true).open(path).map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::Locked { path: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed("lock", path)(error).into()),
    }
}

/// Wire names are written with these escaped, and bytes above ASCII.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b'"').add(b'\\');

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateRecord<'a> {
    format: Cow<'a, str>,
    version: u32,
    account: Cow<'a, Account>,
    mailboxes: Vec<MailboxRecord<'a>>,
    checksum: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailboxRecord<'a> {
    name: String,
    folder: Cow<'a, str>,
    uid_validity: u32,
    done: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recognised: Vec<EpochRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unique_ids: Vec<UniqueIdRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochRecord {
    uid_validity: u32,
    uids: String,
}

impl<'a> From<&'a MailboxState> for MailboxRecord<'a> {
    fn from(mailbox: &'a MailboxState) -> Self {
        Self {
            name: percent_encode(&mailbox.name, ESCAPED).to_string(),
            folder: Cow::Borrowed(&mailbox.folder),
            uid_validity: mailbox.uid_validity,
            done: mailbox.done.to_string(),
            recognised: mailbox
                .recognised
                .iter()
                .map(|(uid_validity, uids)| EpochRecord {
                    uid_validity: *uid_validity,
                    uids: uids.to_string(),
                })
                .collect(),
            unique_ids: mailbox.unique_ids.records(),
        }
    }
}

fn checksum(account: &Account, mailboxes: &[MailboxRecord<'_>]) -> io::Result<String> {
    let mut hash = Sha256::new();
    serde_json::to_writer(&mut hash, &(account, mailboxes))?;
    Ok(format!("{:x}", hash.finalize()))
}

fn parse(bytes: &[u8], path: &Path) -> Result<(Account, Vec<MailboxState>), StateError> {
    let damaged = |why| StateError::Damaged { path: path.to_owned(), why };
    #[derive(Deserialize)]
    struct Head {
        format: String,
        version: u64,
    }
    let not_json = |error: serde_json::Error| damaged(Cow::Owned(error.to_string()));
    let head: Head = serde_json::from_slice(bytes).map_err(not_json)?;
    if head.format != FORMAT || head.version == 0 {
        return Err(damaged(Cow::Borrowed("it is not a state of mailctl")));
    }
    if head.version > u64::from(VERSION) {
        return Err(StateError::Newer { path: path.to_owned(), version: head.version });
    }
    let record: StateRecord<'_> = serde_json::from_slice(bytes).map_err(not_json)?;
    let checksum = checksum(&record.account, &record.mailboxes).map_err(failed("read", path))?;
    if checksum != record.checksum {
        return Err(damaged(Cow::Borrowed("its checksum doesn't match")));
    }
    let mailboxes = record.mailboxes.into_iter().map(mailbox).collect::<Result<Vec<_>, _>>();
    let mailboxes = mailboxes.map_err(|why| damaged(Cow::Borrowed(why)))?;
    Ok((record.account.into_owned(), mailboxes))
}

fn mailbox(record: MailboxRecord<'_>) -> Result<MailboxState, &'static str> {
    let ranges = |text: &str| text.parse::<UidRanges>().map_err(|_| "a list of UIDs in it can't be read");
    let folder = record.folder.into_owned();
    let one_component = folder.starts_with('.') && folder.len() > 1 && !folder.contains(['/', '\\', '\0']);
    if !folder.is_empty() && (!one_component || folder == ".." || folder == STATE_FOLDER) {
        return Err("a folder in it is no name of a mailbox's folder");
    }
    let mut recognised = Vec::with_capacity(record.recognised.len());
    for epoch in &record.recognised {
        recognised.push((epoch.uid_validity, ranges(&epoch.uids)?));
    }
    Ok(MailboxState {
        name: percent_decode_str(&record.name).collect(),
        folder,
        uid_validity: record.uid_validity,
        done: ranges(&record.done)?,
        recognised,
        unique_ids: UniqueIds::from_records(record.unique_ids)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(user: &str, host: &str) -> Account {
        Account { user: user.to_owned(), host: host.to_owned() }
    }

    fn open(directory: &Path) -> Result<State, StateError> {
        State::open(directory, account("me", "host"), false)
    }

    fn with_one_mailbox(directory: &Path) -> PathBuf {
        let mut state = open(directory).unwrap();
        let mut mailbox = MailboxState::new(b"INBOX", String::new());
        mailbox.enter_epoch(7);
        mailbox.done.insert_range(1, 5);
        mailbox.recognise(3, 9);
        state.mailboxes.push(mailbox);
        state.commit().unwrap();
        directory.join(".mailctl/state")
    }

    #[test]
    fn what_was_committed_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("a/b");
        let path = with_one_mailbox(&directory);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""name":"INBOX","folder":"","uid_validity":7,"done":"1:5""#), "{text}");
        let state = open(&directory).unwrap();
        assert_eq!(state.mailboxes.len(), 1);
        assert!(state.mailboxes[0].done.contains(5));
        assert!(state.mailboxes[0].is_recognised(3, 9) && !state.mailboxes[0].is_recognised(3, 8));
        assert!(!path.with_file_name("state.new").exists());
    }

    #[test]
    fn a_new_epoch_forgets_the_uids_of_the_old() {
        let mut mailbox = MailboxState::new(b"x", ".x".into());
        mailbox.enter_epoch(1);
        mailbox.done.insert(5);
        mailbox.recognise(0, 1);
        mailbox.enter_epoch(1);
        assert!(mailbox.done.contains(5) && mailbox.is_recognised(0, 1));
        mailbox.enter_epoch(2);
        assert!(mailbox.done.is_empty() && !mailbox.is_recognised(0, 1));
    }

    #[test]
    fn two_runs_never_share_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        assert!(matches!(open(folder.path()), Err(StateError::Locked { .. })));
        drop(first);
        open(folder.path()).unwrap();
    }

    #[test]
    fn any_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = with_one_mailbox(folder.path());
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            let error = open(folder.path()).expect_err(&String::from_utf8_lossy(&bad));
            assert!(error.to_string().contains("state"), "{error}");
            fs::write(&path, &good[..at]).unwrap();
            assert!(matches!(open(folder.path()), Err(StateError::Damaged { .. })), "cut at {at}");
        }
        fs::write(&path, good).unwrap();
        open(folder.path()).unwrap();
    }

    #[test]
    fn a_newer_version_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = with_one_mailbox(folder.path());
        fs::write(&path, r#"{"format":"mailctl state","version":2,"index":{}}"#).unwrap();
        assert!(matches!(open(folder.path()), Err(StateError::Newer { version: 2, .. })));
    }

    #[test]
    fn the_mail_of_two_accounts_is_never_mixed() {
        let folder = tempfile::tempdir().unwrap();
        with_one_mailbox(folder.path());
        for (other, changed) in [(account("you", "host"), true), (account("me", "elsewhere"), false)] {
            let error = State::open(folder.path(), other, changed).unwrap_err();
            assert!(matches!(error, StateError::OtherAccount { .. }), "{error}");
        }
        State::open(folder.path(), account("me", "elsewhere"), true).unwrap();
    }

    #[test]
    fn a_folder_that_leads_elsewhere_is_refused() {
        let state = MailboxState::new(b"x", ".x".into());
        assert!(mailbox(MailboxRecord::from(&state)).is_ok());
        for folder in ["x", "..", "../x", "./x", ".mailctl", "/etc", ".a/b", "."] {
            let record = MailboxRecord { folder: folder.into(), ..MailboxRecord::from(&state) };
            assert!(mailbox(record).is_err(), "{folder}");
        }
    }

    proptest! {
        #[test]
        fn any_state_is_read_as_it_was_written(
            name in prop::collection::vec(any::<u8>(), 0..20),
            uid_validity: u32,
            done in prop::collection::vec(1u32.., 0..20),
            recognised in prop::collection::btree_map(any::<u32>(), prop::collection::vec(1u32.., 1..5), 0..3),
        ) {
            let state = MailboxState {
                name,
                folder: ".x".into(),
                uid_validity,
                done: done.into_iter().collect(),
                recognised: recognised.into_iter().map(|(epoch, uids)| (epoch, uids.into_iter().collect())).collect(),
                unique_ids: UniqueIds::default(),
            };
            let json = serde_json::to_string(&MailboxRecord::from(&state)).unwrap();
            let record: MailboxRecord<'_> = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(mailbox(record).unwrap(), state);
        }
    }
}
