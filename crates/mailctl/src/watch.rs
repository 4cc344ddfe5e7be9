//! What changes in a mailbox, a line a change, as it happens.

use std::{
    borrow::Cow,
    io::{self, ErrorKind, Write},
    time::Duration,
};

use mail_client::imap::{Change, Flag, MailboxName};
use serde::Serialize;

use crate::{
    backup::named,
    cli,
    connect::Server,
    failure::{Failure, Severity},
    listed::Listed,
    progress::note,
    stop::Stop,
    terminal::printable,
};

/// One line. The fields' names and order are what programs read.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    mailbox: &'a str,
    uid: Option<u32>,
    flags: Option<Vec<Cow<'a, str>>>,
}

/// Tells the changes until somebody has enough of them.
pub(crate) async fn run(options: &cli::Watch, server: Server) -> Result<(), Failure> {
    let stop = Stop::on_signals(None);
    let told = tokio::select! {
        told = tell(options, &server) => told,
        () = stop.stopped() => Ok(()),
        () = nobody_reads() => Ok(()),
    };
    // A server that is slow to say goodbye keeps nobody.
    let _ = tokio::time::timeout(Duration::from_secs(5), server.client.close()).await;
    match told {
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}

async fn tell(options: &cli::Watch, server: &Server) -> Result<(), Failure> {
    let wanted = server.url.mailbox.as_deref().unwrap_or("INBOX");
    let mut mailbox = MailboxName::new(wanted);
    if !mailbox.is_inbox() {
        mailbox = named(Listed::by(&server.client).await?.mailboxes, wanted).mailbox;
    }
    let name = mailbox.to_string();
    note(&format!("watching {}", printable(&name)));
    let mut changes = server.client.watch(mailbox).start();
    while let Some(change) = changes.next().await {
        let change = change.map_err(|error| in_mailbox(error.into(), &name))?;
        for line in lines(&change, &name) {
            let line = if options.json { line.json() } else { line.text() };
            let mut out = io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Failure::Output)?;
        }
    }
    Ok(())
}

/// Names the mailbox where it is to blame, and not the way to it.
fn in_mailbox(failure: Failure, name: &str) -> Failure {
    match failure.severity() {
        Severity::Mailbox => Failure::Mailbox { mailbox: name.to_owned(), source: Box::new(failure) },
        Severity::Connection | Severity::Run => failure,
    }
}

/// A change in lines: of messages that are gone, one for each.
fn lines<'a>(change: &'a Change, mailbox: &'a str) -> Vec<Line<'a>> {
    let line = |event, uid, flags: Option<&'a Vec<Flag>>| {
        let name = |flag: &'a Flag| String::from_utf8_lossy(flag.as_bytes());
        Line { event, mailbox, uid, flags: flags.map(|flags| flags.iter().map(name).collect()) }
    };
    match change {
        Change::New { uid, flags } => vec![line("new", Some(*uid), Some(flags))],
        Change::Flags { uid, flags } => vec![line("flags", Some(*uid), Some(flags))],
        Change::Gone { uids } => {
            uids.numbers().into_iter().flatten().map(|uid| line("gone", Some(uid), None)).collect()
        }
        Change::Reset { .. } => vec![line("reset", None, None)],
        _ => Vec::new(),
    }
}

impl Line<'_> {
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}", self.event, self.mailbox);
        if let Some(uid) = self.uid {
            text.push_str(&format!(" {uid}"));
        }
        for flag in self.flags.iter().flatten() {
            text.push(' ');
            text.push_str(flag);
        }
        printable(&text).into_owned()
    }
}

/// Waits until the other end of the pipe that is our output is closed: a mailbox may be quiet for days, and until
/// something is written nothing else tells. Where that can't be known, the next line will.
async fn nobody_reads() {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsFd;

        use tokio::{io::Interest, net::unix::pipe::Sender};
        // Files can't be waited for. Nothing is written there: this is to be told of its end alone.
        let output = io::stdout().as_fd().try_clone_to_owned();
        if let Ok(output) = output.and_then(Sender::from_owned_fd_unchecked)
            && output.ready(Interest::ERROR).await.is_ok()
        {
            return;
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(change: &Change) -> Vec<String> {
        lines(change, "Entwürfe").iter().map(Line::json).collect()
    }

    #[test]
    fn each_message_has_a_line_with_the_same_fields() {
        let flags = || vec![Flag::Seen, Flag::new("$Junk")];
        assert_eq!(
            json(&Change::New { uid: 7, flags: flags() }),
            [r#"{"event":"new","mailbox":"Entwürfe","uid":7,"flags":["\\Seen","$Junk"]}"#]
        );
        assert_eq!(
            json(&Change::Flags { uid: 7, flags: vec![] }),
            [r#"{"event":"flags","mailbox":"Entwürfe","uid":7,"flags":[]}"#]
        );
        assert_eq!(
            json(&Change::Gone { uids: [3, 4, 9].into_iter().collect() }),
            [3, 4, 9]
                .map(|uid| format!(r#"{{"event":"gone","mailbox":"Entwürfe","uid":{uid},"flags":null}}"#))
        );
        assert_eq!(
            json(&Change::Reset { uid_validity: Some(9) }),
            [r#"{"event":"reset","mailbox":"Entwürfe","uid":null,"flags":null}"#]
        );
        let new = Change::New { uid: 7, flags: flags() };
        assert_eq!(lines(&new, "IN\nBOX")[0].text(), "new IN\\nBOX 7 \\Seen $Junk");
    }
}
