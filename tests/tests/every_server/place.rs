//! One server of one kind, with what a test needs to use it as a client, and to look at it as somebody else.

use std::collections::BTreeSet;
use std::time::Duration;

use mail_client::imap::{Capability, ImapClient, ImapClientBuilder, SequenceSet};
use mail_client::transport::Tls;
use mail_testkit::Endpoint;
use system_tests::counted::say;
use system_tests::servers::{self, courier, cyrus, dovecot};
use system_tests::wire::Wire;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Embedded,
    Dovecot,
    Cyrus,
    Courier,
}

/// What a server is to be like.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setup {
    /// What it says that it can do; all that it can, if None.
    pub(crate) announced: Option<&'static str>,
    /// How many connections it allows (a user; of Courier an address); its own default, if None.
    pub(crate) max_connections: Option<u32>,
    /// Whether there are limits on mail (1 MB, 100 messages), rights, values kept with mailboxes, and the mailboxes
    /// `Drafts` and, subscribed, `Bin` for drafts and for what is thrown away.
    pub(crate) extensions: bool,
}

pub(crate) struct Place {
    pub(crate) kind: Kind,
    user: String,
    password: String,
    tls: Tls,
    port: u16,
    plain_port: u16,
    server: Running,
}

/// Runs as long as it is kept.
enum Running {
    Embedded(mail_testkit::Server),
    Process(servers::Server),
}

impl Kind {
    pub(crate) async fn start(self, setup: Setup) -> Place {
        match self {
            Self::Embedded => embedded(setup).await,
            Self::Dovecot => {
                let mut options = dovecot::Options::default();
                options.imap_capability = setup.announced.map(str::to_owned);
                options.extensions = setup.extensions;
                options.max_userip_connections = setup.max_connections;
                Place::on(self, dovecot::start(&options).unwrap())
            }
            Self::Cyrus => Place::on(self, cyrus::start(&other(setup)).unwrap()),
            Self::Courier => Place::on(self, courier::start(&other(setup)).unwrap()),
        }
    }

    /// What a server may be made to say that it can do: all it can, what a server of 2003 could, and that with UIDPLUS.
    pub(crate) fn announcements(self) -> &'static [Option<&'static str>] {
        match self {
            Self::Embedded | Self::Dovecot => &[None, Some("IMAP4rev1"), Some("IMAP4rev1 UIDPLUS")],
            Self::Cyrus | Self::Courier => &[None],
        }
    }

    /// Whether the limits, rights and mailboxes of [`Setup::extensions`] can be had.
    pub(crate) fn has_extensions(self) -> bool {
        matches!(self, Self::Embedded | Self::Dovecot)
    }

    /// A server of the usual kind, with nothing on it.
    pub(crate) async fn plain(self) -> Place {
        self.start(Setup::default()).await
    }

    /// A server that announces this, with [six messages](Place::fill) in its inbox and nothing in `Archive`.
    pub(crate) async fn filled(self, announced: Option<&'static str>) -> Place {
        let place = self.start(Setup { announced, ..Setup::default() }).await;
        place.fill();
        place
    }
}

/// What may be chosen of those for which there is no more to choose.
fn other(setup: Setup) -> servers::Options {
    let mut options = servers::Options::default();
    options.max_connections = setup.max_connections;
    options
}

async fn embedded(setup: Setup) -> Place {
    let mut builder = mail_testkit::Server::builder().user("tester", "secret");
    if let Some(announced) = setup.announced {
        builder = builder.capabilities(announced.split(' '));
    }
    if let Some(most) = setup.max_connections {
        builder = builder.max_connections_per_user(most as usize);
    }
    if setup.extensions {
        builder = builder.quota(Some(1024), Some(100));
        for (mailbox, special_use) in [("Drafts", "\\Drafts"), ("Bin", "\\Trash")] {
            builder = builder.mailbox(mailbox).special_use(mailbox, special_use);
        }
    }
    let server = builder.start().await.unwrap();
    let place = Place {
        kind: Kind::Embedded,
        user: "tester".to_owned(),
        password: "secret".to_owned(),
        tls: Tls::builder().root_pem(server.ca_pem().as_bytes()).unwrap().build().unwrap(),
        port: server.address(Endpoint::ImapTls).port(),
        plain_port: server.address(Endpoint::ImapPlain).port(),
        server: Running::Embedded(server),
    };
    if setup.extensions {
        place.wire().command(b"SUBSCRIBE Bin").unwrap();
    }
    place
}

impl Place {
    fn on(kind: Kind, server: servers::Server) -> Self {
        let info = server.info().clone();
        let authority = std::fs::read(&info.ca_file).unwrap();
        Self {
            kind,
            user: info.user,
            password: info.password,
            tls: Tls::builder().root_pem(&authority).unwrap().build().unwrap(),
            port: info.ports["imaps"],
            plain_port: info.ports["imap"],
            server: Running::Process(server),
        }
    }

    /// Ends one of those of its processes that serve a client, or where there are none, all connections.
    pub(crate) fn kill_one(&self) {
        match &self.server {
            Running::Embedded(server) => server.disconnect_all(),
            Running::Process(server) => {
                let name = if self.kind == Kind::Dovecot { "imap" } else { "imapd" };
                // The youngest: Courier's oldest ones listen.
                if let Some(pid) = server.processes(name).unwrap().last() {
                    server.signal("KILL", *pid).unwrap();
                }
            }
        }
    }

    /// Has it read its configuration anew, which ends what serves clients; of those that can't, as [`Self::kill_one`].
    pub(crate) fn reload(&self) {
        match &self.server {
            Running::Process(server) if self.kind == Kind::Dovecot => {
                server.signal("HUP", server.info().pid).unwrap();
            }
            _ => self.kill_one(),
        }
    }

    /// Restarts it, or where it has no processes, ends all connections.
    pub(crate) fn restart(&mut self) {
        match &mut self.server {
            Running::Embedded(server) => server.disconnect_all(),
            Running::Process(server) => tokio::task::block_in_place(|| server.restart()).unwrap(),
        }
    }

    /// Restarts it with a certificate by an authority that nobody trusts, or with the first one. Only of real ones.
    pub(crate) fn restart_with_certificate(&mut self, is_trusted: bool) {
        let Running::Process(server) = &mut self.server else { panic!("{:?} has but one", self.kind) };
        tokio::task::block_in_place(|| server.restart_with_certificate(is_trusted)).unwrap();
    }

    /// The most connections that were logged in at a time, of a server that tells.
    pub(crate) fn peak(&self) -> Option<usize> {
        let Running::Embedded(server) = &self.server else { return None };
        server.report().users.get(&self.user).map(|connections| connections.peak)
    }

    /// A mailbox, its levels separated by `/`, by the name that it has on this server.
    pub(crate) fn name(&self, name: &str) -> String {
        match self.kind {
            Kind::Courier => format!("INBOX.{}", name.replace('/', ".")),
            _ => name.to_owned(),
        }
    }

    pub(crate) fn builder(&self) -> ImapClientBuilder {
        let builder = ImapClient::builder("127.0.0.1", &self.user).port(self.port);
        let builder = builder.password(&*self.password).tls(self.tls.clone());
        match self.kind {
            // It keeps silent for so long while it waits for a mailbox' lock.
            Kind::Courier => builder.inactivity_timeout(Duration::from_secs(200)),
            _ => builder,
        }
    }

    pub(crate) fn client(&self) -> ImapClient {
        self.builder().build().unwrap()
    }

    /// Somebody else, without any code of ours.
    pub(crate) fn wire(&self) -> Wire {
        Wire::connect(self.plain_port, &self.user, &self.password).unwrap()
    }

    /// Whether the server says that it can do this; what it can't is told on the screen.
    pub(crate) async fn can(&self, client: &ImapClient, capability: Capability) -> bool {
        let can = client.capabilities().await.unwrap().supports(&capability);
        if !can {
            say(&format!("skipped on {:?}: {capability}", self.kind));
        }
        can
    }

    /// Puts six messages into the inbox, UIDs 1 to 6, and creates the mailboxes `Archive` and, subscribed, `Été`.
    pub(crate) fn fill(&self) {
        let mut wire = self.wire();
        // Some make one for each user.
        let _ = wire.command(format!("CREATE {}", self.name("Archive")).as_bytes());
        for command in ["CREATE", "SUBSCRIBE"] {
            wire.command(format!("{command} {}", self.name("&AMk-t&AOk-")).as_bytes()).unwrap();
        }
        let mail = [
            ("", "05-Feb-2026 12:00:00 +0000", "zoe", "=?utf-8?q?Pr=C3=BCfung?=", "<1@x>", ""),
            ("\\Seen", "04-Feb-2026 12:00:00 +0000", "kim", "lunch?", "<2@x>", ""),
            ("\\Seen \\Flagged", "03-Feb-2026 12:00:00 +0000", "toni", "Re: lunch?", "<3@x>", "<2@x>"),
            ("", "02-Feb-2026 12:00:00 +0000", "kim", "Re: lunch?", "<4@x>", "<2@x> <3@x>"),
            ("\\Seen", "01-Feb-2026 12:00:00 +0000", "toni", "the bill", "<5@x>", ""),
            ("", "01-Jan-2026 12:00:00 +0000", "zoe", "Re: lunch?", "<6@x>", "<2@x>"),
        ];
        for (number, (flags, date, from, subject, id, references)) in mail.into_iter().enumerate() {
            let message = format!(
                "From: {from}@example.org\r\nSubject: {subject}\r\nMessage-ID: {id}\r\nReferences: {references}\r\n\
                 Date: {} Feb 2026 12:00:00 +0000\r\n\r\n{}\r\n",
                number + 1,
                "x".repeat(number * 100)
            );
            wire.append("INBOX", flags, date, message.as_bytes()).unwrap();
        }
        wire.answers().unwrap();
    }

    /// The UIDs of the messages in a mailbox that a search finds, as somebody else sees them.
    pub(crate) fn uids(&self, mailbox: &str, key: &str) -> BTreeSet<u32> {
        let mut wire = self.wire();
        let name = if mailbox == "INBOX" { mailbox.to_owned() } else { self.name(mailbox) };
        wire.command(format!("EXAMINE {name}").as_bytes()).unwrap();
        let lines = wire.command(format!("UID SEARCH {key}").as_bytes()).unwrap();
        let lines = lines.iter().filter(|line| line.starts_with(b"* SEARCH"));
        let words =
            lines.flat_map(|line| std::str::from_utf8(line).unwrap().split_ascii_whitespace().skip(2));
        words.map(|uid| uid.parse().unwrap()).collect()
    }
}

pub(crate) fn set(text: &str) -> SequenceSet {
    text.parse().unwrap()
}
