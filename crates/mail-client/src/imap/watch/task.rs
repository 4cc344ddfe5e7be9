//! The task of a watcher: it opens the mailbox, looks, waits for news, and begins anew when its connection is lost.

use std::time::Duration;

use mail_proto::imap::{
    Capability, Command, EventGroup, MailboxFilter, Notify, NotifyEvent, SelectOptions, client::Request,
    fetch::FetchItem,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tracing::debug;

use super::{
    News, Options, WatchState,
    rounds::{self, Ended, Teller},
};
use crate::{
    error::{Cause, Error, ErrorKind, Result},
    imap::{Mailbox, calls::Calls, handles::Connection},
};

/// How long it waits before it begins anew: at first, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// On a connection that others use, it waits again only after so long without a command of theirs.
const QUIET: Duration = Duration::from_secs(1);

pub(super) async fn watch(
    calls: Calls,
    options: Options,
    mut known: Option<WatchState>,
    news: mpsc::Sender<News>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        let before = known.clone();
        let ended = follow(&calls, &options, &mut known, &news).await;
        let error = match ended {
            Ended::Failed(error) => error,
            Ended::Moved => continue,
            Ended::Unread => return,
        };
        if known != before {
            wait = FIRST_WAIT;
        }
        if !is_passing(&error) {
            let _ = news.send(News::Failed(error)).await;
            return;
        }
        let wait_now = error.retry_after().unwrap_or(wait).max(wait);
        debug!(mailbox = %options.mailbox, %error, ?wait_now, "watching begins anew");
        tokio::select! {
            () = sleep(wait_now) => {}
            () = news.closed() => return,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Whether watching can go on after it.
fn is_passing(error: &Error) -> bool {
    error.is_retryable()
        || error.is_timeout()
        || error.is_limit()
        || matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::UidValidityChanged)
}

/// Watches on one connection for as long as it lasts.
async fn follow(
    calls: &Calls,
    options: &Options,
    known: &mut Option<WatchState>,
    news: &mpsc::Sender<News>,
) -> Ended {
    let own = tokio::select! {
        own = own_connection(calls, options) => own,
        () = news.closed() => return Ended::Unread,
    };
    let own = match own {
        Ok(own) => own,
        Err(error) => return error.into(),
    };
    let calls = own.as_ref().map_or_else(|| calls.clone(), |own| calls.via(own.held()));
    let ended = tokio::select! {
        ended = look_on(&calls, options, own.is_some(), known, news) => match ended {
            Ok(never) => match never {},
            Err(ended) => ended,
        },
        () = news.closed() => Ended::Unread,
    };
    if let Some(own) = own {
        // What was switched on for it (NOTIFY) goes with it.
        own.close().await;
    }
    ended
}

/// A connection of its own, if there can be one.
async fn own_connection(calls: &Calls, options: &Options) -> Result<Option<Connection>> {
    let pool = calls.pool();
    let created = match options.may_take_last {
        true => pool.create_connection().await,
        false => pool.create_connection_leaving_one(None).await,
    };
    match created {
        Ok(connection) => Ok(Some(Connection::new(connection))),
        Err(mail_pool::Error::QuotaReservedForMain | mail_pool::Error::NoneToSpare) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

enum Never {}

async fn look_on(
    calls: &Calls,
    options: &Options,
    is_own: bool,
    known: &mut Option<WatchState>,
    news: &mpsc::Sender<News>,
) -> Result<Never, Ended> {
    let teller = Teller(news);
    let keep = async |state: &WatchState| -> Result<(), Ended> {
        news.send(News::Known(state.clone())).await.map_err(|_| Ended::Unread)
    };
    let connection = calls.connection().await?;
    let id = connection.id();
    let mut seen = connection.news().count();
    drop(connection);
    let mailbox = open(calls, options).await?;
    let mut state = rounds::first(&mailbox, known.clone(), options.tell_all, &teller).await?;
    *known = Some(state.clone());
    keep(&state).await?;
    let tells_by_itself = is_own && notify(&mailbox).await?;
    loop {
        wait_for_news(&mailbox, options, (id, seen), tells_by_itself, is_own).await?;
        let connection = calls.connection().await?;
        if connection.id() != id {
            // What happened before this one was opened nobody has told it.
            return Err(Ended::Moved);
        }
        seen = connection.news().count();
        let is_quiet = || connection.news().count() == seen;
        rounds::again(&mailbox, &mut state, connection.tells_vanished(), is_quiet, &teller).await?;
        if known.as_ref() != Some(&state) {
            *known = Some(state.clone());
            keep(&state).await?;
        }
    }
}

/// Opens the mailbox to read it, with its mod-sequences if it has any.
async fn open(calls: &Calls, options: &Options) -> Result<Mailbox> {
    let condstore = calls.supports(&Capability::CondStore).await?;
    let command = Command::Select {
        mailbox: options.mailbox.clone(),
        read_only: true,
        options: if condstore { SelectOptions::condstore() } else { SelectOptions::default() },
    };
    let answer = calls.run(Request::new(command)).await?;
    let status = answer.completion.status;
    let selected = *answer.completion.selected.ok_or_else(|| Error::new(Cause::NotSelected(status)))?;
    Ok(Mailbox::new(calls.clone(), selected))
}

/// Asks the server to tell of changes by itself (RFC 5465), if it can.
async fn notify(mailbox: &Mailbox) -> Result<bool> {
    if !mailbox.calls().supports(&Capability::Notify).await? {
        return Ok(false);
    }
    let events = vec![
        NotifyEvent::MessageNew(vec![FetchItem::Uid]),
        NotifyEvent::MessageExpunge,
        NotifyEvent::FlagChange,
    ];
    let group = EventGroup { mailboxes: MailboxFilter::Selected, events };
    match mailbox.run(Command::Notify(Notify::Set { status: false, groups: vec![group] })).await {
        Ok(_) => Ok(true),
        // IDLE does as well.
        Err(error) if error.kind() == ErrorKind::Refused => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until it is time to look again.
async fn wait_for_news(
    mailbox: &Mailbox,
    options: &Options,
    (id, seen): (u64, u64),
    tells_by_itself: bool,
    is_own: bool,
) -> Result<()> {
    let calls = mailbox.calls();
    let connection = calls.connection().await?;
    if connection.id() != id {
        return Ok(());
    }
    // Also where NOTIFY is in force: Dovecot tells much later, or not at all, while no command runs.
    if !calls.supports(&Capability::Idle).await? {
        let patience = if tells_by_itself { options.recheck } else { options.poll };
        // Nothing keeps any server from telling with another's answer.
        let silent = timeout(patience, connection.news().after(seen)).await.is_err();
        if silent || !tells_by_itself {
            calls.run(Request::on(mailbox.selection(), Command::Noop)).await?;
        }
        return Ok(());
    }
    if connection.news().count() != seen {
        return Ok(());
    }
    // Whatever ends it, it is time to look: news, another's command, or so long a silence that the link may be dead.
    let idle = connection.run(Request::on(mailbox.selection(), Command::Idle), None);
    match timeout(options.recheck, idle).await {
        Ok(ended) => drop(ended?),
        Err(_) => drop(calls.run(Request::new(Command::Noop)).await?),
    }
    if !is_own && connection.news().count() == seen {
        // Another's command ended it: theirs come first until there are no more.
        sleep(QUIET).await;
    }
    Ok(())
}
