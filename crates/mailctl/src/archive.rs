//! A directory that holds the mail of an account: the Maildir of each mailbox, and what is known to be in them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    disk::DiskError,
    maildir::{Folders, Maildir, OnDisk, STATE_FOLDER},
    state::{Account, MailboxState, State, StateError},
    uid_ranges::UidRanges,
    unique_ids::Kept,
};

/// How long mail may be on disk before the state says so. What is lost with it is a moment's work of recognising
/// files by their names.
const COMMIT_EVERY: Duration = Duration::from_secs(2);

/// A backup on disk, locked against other runs. All methods may block on the disk.
#[derive(Debug)]
pub(crate) struct Archive {
    directory: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    folders: Folders,
    /// Where names may have been added that the state doesn't speak of yet.
    unsynced: Vec<Arc<Maildir>>,
    committed: Instant,
}

/// A mailbox's place in the archive.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    index: usize,
    pub(crate) maildir: Arc<Maildir>,
    /// The folder had been removed: its mail is fetched again.
    pub(crate) was_removed: bool,
    /// It would be the directory itself, but another mailbox is.
    pub(crate) was_displaced: bool,
}

/// Why a mailbox has no place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ArchiveError {
    #[error("two mailboxes ask for the folder {folder}, and their hashes are the same")]
    NoFolder { folder: String },
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Archive {
    /// Opens or begins the backup of `account` in `directory`.
    pub(crate) fn open(directory: &Path, account: Account, host_changed: bool) -> Result<Self, ArchiveError> {
        let state = State::open(directory, account, host_changed)?;
        // `.mailctl` is there by now; where `.MAILCTL` is as well, the file system doesn't tell them apart.
        let case_insensitive = directory.join(STATE_FOLDER.to_ascii_uppercase()).exists();
        let mut folders = Folders::new(case_insensitive);
        for mailbox in &state.mailboxes {
            if !folders.reserve(&mailbox.folder, &mailbox.name) {
                return Err(ArchiveError::NoFolder { folder: mailbox.folder.clone() });
            }
        }
        let inner = Inner { state, folders, unsynced: Vec::new(), committed: Instant::now() };
        Ok(Self { directory: directory.to_owned(), inner: Mutex::new(inner) })
    }

    /// The place of a mailbox, by its bytes on the wire: the one that it has had so far, else DIR itself if
    /// `wants_directory` and no other mailbox is there, else a folder named after it.
    pub(crate) fn place(
        &self,
        mailbox: &[u8],
        delimiter: Option<u8>,
        wants_directory: bool,
    ) -> Result<Place, ArchiveError> {
        let inner = &mut *self.lock();
        let known = inner.state.mailboxes.iter().position(|known| known.name == mailbox);
        let index = match known {
            Some(index) => index,
            None => {
                let folder = if wants_directory && inner.folders.reserve("", mailbox) {
                    String::new()
                } else {
                    let taken = || ArchiveError::NoFolder { folder: mailbox.escape_ascii().to_string() };
                    inner.folders.assign(mailbox, delimiter).ok_or_else(taken)?
                };
                inner.state.mailboxes.push(MailboxState::new(mailbox, folder));
                inner.state.mailboxes.len() - 1
            }
        };
        let state = &mut inner.state.mailboxes[index];
        let path = self.path(state);
        let was_removed = !state.done.is_empty() && is_removed(&path);
        if was_removed {
            // Begin the epoch again.
            let epoch = state.uid_validity;
            state.enter_epoch(0);
            state.enter_epoch(epoch);
        }
        let was_displaced = wants_directory && !state.folder.is_empty();
        let maildir = Arc::new(Maildir::open(&path, !state.folder.is_empty())?);
        Ok(Place { index, maildir, was_removed, was_displaced })
    }

    /// Whether nothing of the mailbox need be fetched if it has this UIDVALIDITY and its next message will have this
    /// UID.
    pub(crate) fn is_complete(&self, mailbox: &[u8], uid_validity: u32, uid_next: u32) -> bool {
        self.lock().state.mailboxes.iter().find(|known| known.name == mailbox).is_some_and(|known| {
            known.uid_validity == uid_validity
                && known.done.contains_range(1, uid_next.saturating_sub(1))
                && !is_removed(&self.path(known))
        })
    }

    /// Whether nothing is known of any mailbox.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().state.mailboxes.is_empty()
    }

    fn path(&self, mailbox: &MailboxState) -> PathBuf {
        if mailbox.folder.is_empty() { self.directory.clone() } else { self.directory.join(&mailbox.folder) }
    }

    /// What is known of the mailbox so far.
    pub(crate) fn known(&self, place: &Place) -> MailboxState {
        self.lock().state.mailboxes[place.index].clone()
    }

    /// Enters the epoch of this UIDVALIDITY. True if the mailbox had another one before.
    pub(crate) fn enter_epoch(&self, place: &Place, uid_validity: u32) -> bool {
        let state = &mut self.lock().state.mailboxes[place.index];
        let is_new = state.uid_validity != 0 && state.uid_validity != uid_validity;
        state.enter_epoch(uid_validity);
        is_new
    }

    /// Which messages lie there: of this epoch by their UID, of earlier ones to be compared.
    pub(crate) fn on_disk(&self, place: &Place) -> Result<OnDisk, DiskError> {
        let known = self.known(place);
        // The run that stored what is there may have ended before it made the names durable.
        place.maildir.distrust_names();
        place.maildir.on_disk(known.uid_validity, |epoch, uid| known.is_recognised(epoch, uid))
    }

    /// Notes that nothing in `first..=last` need be fetched any more. Whatever was stored of it has its final name.
    /// Commits now and then.
    pub(crate) fn done(&self, place: &Place, covers: (u32, u32)) -> Result<(), DiskError> {
        self.lock().done(place, covers)
    }

    /// The same for numbers that no message has.
    pub(crate) fn none_there(&self, place: &Place, (first, last): (u32, u32)) {
        self.lock().state.mailboxes[place.index].done.insert_range(first, last);
    }

    /// The same for messages that were found on disk.
    pub(crate) fn found(&self, place: &Place, covers: &UidRanges) {
        let inner = &mut *self.lock();
        inner.touch(place);
        let done = &mut inner.state.mailboxes[place.index].done;
        covers.ranges().for_each(|(first, last)| done.insert_range(first, last));
    }

    /// Notes that a file of an earlier epoch, by its UIDVALIDITY and UID, stands for a message of this one, and that
    /// therefore nothing in `first..=last` need be fetched any more.
    pub(crate) fn recognised(
        &self,
        place: &Place,
        (uid_validity, uid): (u32, u32),
        covers: (u32, u32),
    ) -> Result<(), DiskError> {
        // At once: a state with only one of the two would have the message written beside the file on the next run.
        let inner = &mut *self.lock();
        inner.state.mailboxes[place.index].recognise(uid_validity, uid);
        inner.done(place, covers)
    }

    /// Takes what a POP3 server lists for all that it has. Gives a number to each message that has none, and a new one
    /// to each that isn't on disk, beyond all that were ever used, durably: no file may have a number that the state
    /// doesn't know. Those that `is_bad` says count as not on disk.
    pub(crate) fn listed(
        &self,
        place: &Place,
        ids: &HashSet<&[u8]>,
        on_disk: &UidRanges,
        is_bad: impl Fn(&Kept) -> bool,
    ) -> Result<(), DiskError> {
        let inner = &mut *self.lock();
        inner.touch(place);
        let state = &mut inner.state.mailboxes[place.index];
        state.unique_ids.retain(|id| ids.contains(id));
        let last = |ranges: &UidRanges| ranges.ranges().map(|(_, last)| last).max().unwrap_or(0);
        let mut highest = state.unique_ids.highest().max(last(&state.done)).max(last(on_disk));
        let mut ids: Vec<_> = ids.iter().collect();
        ids.sort_unstable();
        for id in ids {
            let known = state.unique_ids.get(id);
            let kept = known.and_then(|known| known.kept);
            if kept.as_ref().is_none_or(&is_bad) {
                let unsaid = known.filter(|known| known.kept.is_none());
                let before = unsaid.and_then(|known| {
                    Some(known.number).filter(|number| on_disk.contains(*number)).or(known.before)
                });
                highest = highest.saturating_add(1);
                state.unique_ids.number(id, highest, before);
            }
        }
        inner.commit()
    }

    /// Notes where a message of a POP3 server lies.
    pub(crate) fn kept(&self, place: &Place, id: &[u8], kept: Kept) -> Result<(), DiskError> {
        let inner = &mut *self.lock();
        let state = &mut inner.state.mailboxes[place.index];
        let (uid_validity, uid) = kept.file;
        if uid_validity != state.uid_validity {
            state.recognise(uid_validity, uid);
        }
        let Some(known) = state.unique_ids.get(id) else { return Ok(()) };
        state.unique_ids.keep(id, kept);
        inner.done(place, (known.number, known.number))
    }

    /// Takes no name that a POP3 server has given for one of a message on disk any more, durably: what is found under
    /// it is to be compared.
    pub(crate) fn doubt(&self, place: &Place) -> Result<(), DiskError> {
        let inner = &mut *self.lock();
        let state = &mut inner.state.mailboxes[place.index];
        state.unique_ids.doubt(state.uid_validity);
        state.recognised.clear();
        inner.commit()
    }

    /// Makes everything durable: first the mail, then the state that speaks of it.
    pub(crate) fn commit(&self) -> Result<(), DiskError> {
        self.lock().commit()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that panics leaves the state half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the user has taken a Maildir away.
fn is_removed(path: &Path) -> bool {
    !path.join("cur").is_dir() && !path.join("new").is_dir()
}

impl Inner {
    fn done(&mut self, place: &Place, (first, last): (u32, u32)) -> Result<(), DiskError> {
        self.state.mailboxes[place.index].done.insert_range(first, last);
        self.touch(place);
        if self.committed.elapsed() < COMMIT_EVERY { Ok(()) } else { self.commit() }
    }

    fn touch(&mut self, place: &Place) {
        if !self.unsynced.iter().any(|maildir| Arc::ptr_eq(maildir, &place.maildir)) {
            self.unsynced.push(Arc::clone(&place.maildir));
        }
    }

    fn commit(&mut self) -> Result<(), DiskError> {
        for maildir in &self.unsynced {
            maildir.sync()?;
        }
        self.state.commit()?;
        self.unsynced.clear();
        self.committed = Instant::now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn open(directory: &Path) -> Archive {
        Archive::open(directory, Account { user: "me".into(), host: "h".into() }, false).unwrap()
    }

    fn folder(archive: &Archive, place: &Place) -> String {
        place.maildir.path().strip_prefix(&archive.directory).unwrap().display().to_string()
    }

    #[test]
    fn a_mailbox_stays_where_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let archive = open(directory.path());
        let work = archive.place(b"Work", Some(b'/'), true).unwrap();
        assert_eq!(folder(&archive, &work), "");
        archive.done(&work, (1, 1)).unwrap();
        archive.commit().unwrap();
        drop(archive);

        // A later run for all mailboxes finds DIR itself taken.
        let archive = open(directory.path());
        let inbox = archive.place(b"INBOX", Some(b'/'), true).unwrap();
        assert_eq!(folder(&archive, &inbox), ".INBOX");
        assert!(inbox.was_displaced);
        let work = archive.place(b"Work", Some(b'/'), false).unwrap();
        assert_eq!(folder(&archive, &work), "");
        assert!(!work.was_displaced && !work.was_removed);
    }

    #[test]
    fn one_mailbox_of_a_whole_backup_is_found_in_its_folder() {
        let directory = tempfile::tempdir().unwrap();
        let archive = open(directory.path());
        archive.place(b"INBOX", Some(b'/'), true).unwrap();
        archive.place(b"a/b", Some(b'/'), false).unwrap();
        archive.commit().unwrap();
        drop(archive);
        let archive = open(directory.path());
        let place = archive.place(b"a/b", Some(b'/'), true).unwrap();
        assert_eq!(folder(&archive, &place), ".a.b");
    }

    #[test]
    fn hostile_names_get_folders_of_their_own_inside() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("inside");
        let archive = open(&inside);
        let names: [&[u8]; 12] = [
            b"INBOX", b"../x", b"..", b"/", b"", b"cur", b"new/tmp", b"mailctl", b"a\0b", b"~", b"\xff",
            b"INBOX/.",
        ];
        let mut paths = Vec::new();
        for name in names {
            paths.push(archive.place(name, Some(b'/'), name == b"INBOX").unwrap().maildir.path().to_owned());
        }
        assert!(paths[1..].iter().all(|path| path.parent() == Some(&*inside)));
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), names.len());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_mail_of_a_folder_that_was_removed_is_fetched_again() {
        let directory = tempfile::tempdir().unwrap();
        let archive = open(directory.path());
        let place = archive.place(b"a", None, false).unwrap();
        archive.enter_epoch(&place, 7);
        archive.done(&place, (1, 5)).unwrap();
        archive.commit().unwrap();
        drop(archive);
        fs::remove_dir_all(directory.path().join(".a")).unwrap();
        let archive = open(directory.path());
        let place = archive.place(b"a", None, false).unwrap();
        assert!(place.was_removed);
        assert!(archive.known(&place).done.is_empty());
        assert_eq!(archive.known(&place).uid_validity, 7);
    }

    #[test]
    fn a_mailbox_is_complete_up_to_its_next_uid() {
        let directory = tempfile::tempdir().unwrap();
        let archive = open(directory.path());
        let place = archive.place(b"a", None, false).unwrap();
        archive.enter_epoch(&place, 7);
        archive.done(&place, (1, 5)).unwrap();
        assert!(archive.is_complete(b"a", 7, 6));
        assert!(!archive.is_complete(b"a", 7, 7));
        assert!(!archive.is_complete(b"a", 8, 6));
        assert!(!archive.is_complete(b"b", 7, 6));
        fs::remove_dir_all(directory.path().join(".a")).unwrap();
        assert!(!archive.is_complete(b"a", 7, 6));
    }

    #[test]
    fn a_new_epoch_is_told_from_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let archive = open(directory.path());
        let place = archive.place(b"a", None, false).unwrap();
        assert!(!archive.enter_epoch(&place, 7));
        assert!(!archive.enter_epoch(&place, 7));
        assert!(archive.enter_epoch(&place, 8));
    }

    #[test]
    fn a_unique_id_means_one_message_and_its_file_keeps_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let archive = open(directory.path());
        let place = archive.place(b"\0POP3", None, true).unwrap();
        archive.enter_epoch(&place, 7);
        let list = |archive: &Archive, place: &Place, ids: &[&[u8]], on_disk: &[u32]| {
            let (ids, on_disk) = (ids.iter().copied().collect(), on_disk.iter().copied().collect());
            archive.listed(place, &ids, &on_disk, |_| false).unwrap();
            archive.known(place).unique_ids
        };
        let number = |id: u8, archive: &Archive| archive.known(&place).unique_ids.get(&[id]).unwrap().number;
        list(&archive, &place, &[b"a", b"b"], &[]);
        let kept = Kept { file: (7, number(b'a', &archive)), sha256: [1; 32] };
        archive.kept(&place, b"a", kept).unwrap();
        archive.commit().unwrap();
        drop(archive);

        // The file of b is there, and its run ended before it said so: it is fetched under another number, and compared.
        let archive = open(directory.path());
        let place = archive.place(b"\0POP3", None, true).unwrap();
        let known = list(&archive, &place, &[b"a", b"b"], &[1, 2]);
        assert!(known.get(b"b").is_some_and(|b| b.number == 3 && b.before == Some(2) && b.kept.is_none()));
        // However often that is put off.
        let known = list(&archive, &place, &[b"a", b"b"], &[1, 2]);
        assert_eq!(known.get(b"b").unwrap().before, Some(2));

        // What has the name of a message that was deleted is compared with its file, and not taken for it.
        archive.doubt(&place).unwrap();
        let known = list(&archive, &place, &[b"a"], &[1, 2]);
        assert!(known.get(b"a").is_some_and(|a| a.kept.is_none() && a.before == Some(1)));
        // And one that the server no longer lists is forgotten, but for its number.
        list(&archive, &place, &[], &[1, 2]);
        let known = list(&archive, &place, &[b"a"], &[1, 2]);
        assert!(known.get(b"a").is_some_and(|a| a.before.is_none() && a.number > 2));
    }
}
