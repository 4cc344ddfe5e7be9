//! Mail from a server to disk: each message once, whole, and never ahead of what is durable.

mod download;
mod listing;
mod mailbox;
pub(crate) mod maildrop;
mod writer;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use mail_client::imap::{List, MailboxName, MailboxStatus, StatusItem};

pub(crate) use self::mailbox::{Pace, Run};
use self::writer::blocking;
use crate::{
    archive::Archive,
    cli,
    connect::Server,
    failure::{Failure, Severity},
    listed::Listed,
    progress::note,
    quantity::human_bytes,
    state::Account,
    stop::{KEPT, Stop},
    terminal::printable,
};

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) mailboxes: u64,
    pub(crate) new: u64,
    pub(crate) already_there: u64,
    pub(crate) gone: u64,
    pub(crate) bytes: u64,
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.mailboxes += other.mailboxes;
        self.new += other.new;
        self.already_there += other.already_there;
        self.gone += other.gone;
        self.bytes += other.bytes;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mailboxes, new, already_there, gone, bytes } = self;
        let plural = if *mailboxes == 1 { "mailbox" } else { "mailboxes" };
        let bytes = human_bytes(*bytes);
        write!(f, "{mailboxes} {plural}, {new} new, {already_there} already there, {gone} gone, {bytes}")
    }
}

/// Backs up what the URL names, and prints what that came to.
pub(crate) async fn run(options: &cli::Backup, server: Server) -> Result<(), Failure> {
    let start = Instant::now();
    let stop = Stop::on_signals(KEPT);
    let account = Account { user: server.url.user.clone(), host: server.url.host.clone() };
    let archive = Arc::new(Archive::open(&options.to, account, options.host_changed)?);
    let run = Run {
        client: server.client.clone(),
        archive: Arc::clone(&archive),
        stop: stop.clone(),
        connections: options.connections.into(),
        pace: Pace::Pipelined,
    };
    let (mut mailboxes, all) = run.until_stopped(select(&server)).await?;
    let mut summary = Summary::default();
    if mailboxes.len() > 1 && !archive.is_empty() {
        mailboxes = run.until_stopped(leave_out_unchanged(&run, mailboxes, &mut summary)).await?;
    }
    let result = each(&run, &mailboxes, server.url.mailbox.is_some(), &mut summary).await;
    // Whatever happened, what has come is kept and known.
    let committed = blocking(move || archive.commit()).await;
    crate::say(&format!("{summary}, {:.1} s", start.elapsed().as_secs_f64()));
    if stop.is_stopped() {
        return Err(Failure::Interrupted);
    }
    result?;
    committed?;
    all?;
    // Everything is on disk by now: a server that is slow to say goodbye keeps nobody.
    let _ = tokio::time::timeout(Duration::from_secs(5), server.client.close()).await;
    Ok(())
}

/// The mailboxes to read: the one that the URL names, or all that can be selected, INBOX first; and whether these are
/// all.
async fn select(server: &Server) -> Result<(Vec<List>, Result<(), Failure>), Failure> {
    let mut found = Listed::by(&server.client).await?;
    let mut listed = std::mem::take(&mut found.mailboxes);
    if let Some(wanted) = &server.url.mailbox {
        return Ok((vec![named(listed, wanted)], Ok(())));
    }
    listed.retain(List::is_selectable);
    listed.sort_by_key(|list| (!list.mailbox.is_inbox(), list.mailbox.clone()));
    // Servers list some mailboxes twice.
    listed.dedup_by(|later, first| later.mailbox == first.mailbox);
    Ok((listed, found.check()))
}

/// The mailbox of this name: as it is, or with the server's delimiter where the name has `/`. One that isn't listed is
/// asked for as it is: the server knows best.
pub(crate) fn named(mut listed: Vec<List>, wanted: &str) -> List {
    let is = |list: &List, name: &MailboxName| {
        list.mailbox == *name || list.mailbox.to_text().is_some_and(|text| Some(text) == name.to_text())
    };
    let exact = MailboxName::new(wanted);
    let found = listed.iter().position(|list| is(list, &exact)).or_else(|| {
        listed.iter().position(|list| {
            let delimiter = list.delimiter.filter(|delimiter| delimiter.is_ascii()).map(char::from);
            delimiter.is_some_and(|delimiter| {
                is(list, &MailboxName::new(&wanted.replace('/', delimiter.encode_utf8(&mut [0; 4]))))
            })
        })
    });
    match found {
        Some(found) => listed.swap_remove(found),
        None => List::new(exact, listed.first().and_then(|list| list.delimiter)),
    }
}

/// Leaves out the mailboxes that have nothing new, which the server is asked for in few round trips.
async fn leave_out_unchanged(
    run: &Run,
    mailboxes: Vec<List>,
    summary: &mut Summary,
) -> Result<Vec<List>, Failure> {
    const AT_ONCE: usize = 16;
    let items = [StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];
    let mut asked = stream::iter(mailboxes)
        .map(async |list| {
            let status = run.client.status(&list.mailbox, &items).await;
            (list, status)
        })
        .buffered(AT_ONCE);
    let mut changed = Vec::new();
    while let Some((list, status)) = asked.next().await {
        let unchanged = match &status {
            Ok(status) => unchanged(run, &list, status),
            // Whatever it is, it shows again where it can be told what to do about it.
            Err(_) => None,
        };
        match unchanged {
            Some(messages) => {
                summary.mailboxes += 1;
                summary.already_there += messages;
            }
            None => changed.push(list),
        }
    }
    Ok(changed)
}

/// How many messages the mailbox has, if none of them need be fetched.
fn unchanged(run: &Run, list: &List, status: &MailboxStatus) -> Option<u64> {
    let uid_validity: u32 = status.get(StatusItem::UidValidity)?.try_into().ok()?;
    let uid_next: u32 = status.get(StatusItem::UidNext)?.try_into().ok()?;
    let messages = status.get(StatusItem::Messages)?;
    // Some servers answer 0 for what they don't know.
    if uid_validity == 0 || u64::from(uid_next) <= messages {
        return None;
    }
    run.archive.is_complete(list.mailbox.as_bytes(), uid_validity, uid_next).then_some(messages)
}

/// Backs up one after the other. One that can't be read doesn't keep the others from it.
async fn each(run: &Run, mailboxes: &[List], is_named: bool, summary: &mut Summary) -> Result<(), Failure> {
    let mut failures = Vec::new();
    let mut lost_before = false;
    for (index, list) in mailboxes.iter().enumerate() {
        if run.stop.is_stopped() {
            break;
        }
        let name = list.mailbox.to_string();
        let title = match mailboxes.len() {
            1 => name.clone(),
            of => format!("{name} ({} of {of})", index + 1),
        };
        let wants_directory = is_named || list.mailbox.is_inbox();
        let (came, result) = run.mailbox(list, wants_directory, &title).await;
        summary.add(came);
        let Err(failure) = result else {
            lost_before = false;
            continue;
        };
        let severity = failure.severity();
        let failure = Failure::Mailbox { mailbox: name, source: Box::new(failure) };
        // A connection may be lost for something in this mailbox; when it is lost again at once, it is the server.
        let is_last_straw = severity == Severity::Connection && std::mem::replace(&mut lost_before, true);
        if severity == Severity::Run || is_last_straw {
            return Err(failure);
        }
        failures.push(failure);
    }
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        failed => {
            for failure in &failures {
                note(&format!("mailctl: {}", failure.line()));
            }
            Err(Failure::Mailboxes { failed, of: mailboxes.len() })
        }
    }
}

/// Says what a user wouldn't expect of where a mailbox goes.
fn explain(place: &crate::archive::Place, name: &MailboxName) {
    let name = name.to_string();
    let path = place.maildir.path().display().to_string();
    if place.was_removed {
        note(&format!("{} is no longer there: {} is fetched again", printable(&path), printable(&name)));
    }
    if place.was_displaced {
        note(&format!(
            "{} is in {}, since another mailbox is in the directory itself",
            printable(&name),
            printable(&path)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &[u8], delimiter: Option<u8>) -> List {
        List::new(MailboxName::from_wire(name.to_vec()), delimiter)
    }

    #[test]
    fn a_name_is_found_as_it_is_or_with_the_servers_delimiter() {
        let dots = || vec![list(b"INBOX", Some(b'.')), list(b"a.b", Some(b'.')), list(b"a/b", Some(b'.'))];
        assert_eq!(named(dots(), "a.b").mailbox.as_bytes(), b"a.b");
        assert_eq!(named(dots(), "a/b").mailbox.as_bytes(), b"a/b");
        assert_eq!(named(dots()[..2].to_vec(), "a/b").mailbox.as_bytes(), b"a.b");
        assert_eq!(named(dots(), "inbox").mailbox.as_bytes(), b"INBOX");
        assert_eq!(named(vec![list("é".as_bytes(), None)], "é").mailbox.as_bytes(), "é".as_bytes());
        let missing = named(dots(), "é/x");
        assert_eq!((missing.mailbox.as_bytes(), missing.delimiter), (&b"&AOk-/x"[..], Some(b'.')));
    }
}
