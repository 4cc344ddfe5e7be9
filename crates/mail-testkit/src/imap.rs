//! The IMAP server's side of a connection (RFC 3501 with the extensions that `CAPABILITY` lists).

mod acl;
mod append;
mod charset;
mod enable;
mod execute;
mod fetch;
mod filter;
mod gate;
mod idle;
mod ids_and_dates;
mod input;
mod list;
mod login;
mod mailboxes;
mod messages;
mod metadata;
mod multi_search;
mod names;
mod news;
mod notify;
mod pattern;
mod query;
mod quota;
mod refusal;
mod resync;
mod search;
mod selected;
mod sort;
mod store;
mod thread;
mod transcript;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use mail_proto::frame::{Framer, Segment};
use mail_proto::imap::command::{TaggedCommand, tag_of};
use mail_proto::imap::encode::{EncodeError, Encoded, Fragment};
use mail_proto::imap::response::{ParseOptions, Response, Untagged};
use mail_proto::imap::{Capabilities, Flag, ResponseCode, Status, StatusKind};
use tokio::sync::watch;

use crate::capabilities::imap::Stage;
use crate::channel::Channel;
use crate::endpoint::{Endpoint, Security};
use crate::fault::Action;
use crate::hook::When;
use crate::report::Seat;
use crate::session::{self, End, Refusal};
use crate::shared::Shared;
use crate::store::{Account, Flags};
use enable::Enabled;
use notify::Watch;
use selected::Selected;

/// What is queued is sent before more than this is gathered.
const QUEUED: usize = 64 * 1024;

/// Serves a connection until it ends.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    endpoint: Endpoint,
    channel: &mut Channel,
    seat: &Seat,
) -> io::Result<()> {
    let mut session = Session {
        shared,
        endpoint,
        channel,
        seat,
        framer: Framer::commands(input::limits()),
        user: None,
        selected: None,
        enabled: Enabled::default(),
        watch: None,
        tag: Bytes::new(),
        refused_early: None,
        then: Then::GoOn,
    };
    let ended = session.run().await;
    session::close(session.channel, ended).await
}

/// One connection.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    endpoint: Endpoint,
    channel: &'a mut Channel,
    seat: &'a Seat,
    framer: Framer,
    user: Option<User>,
    selected: Option<Selected>,
    enabled: Enabled,
    /// After a NOTIFY.
    watch: Option<Watch>,
    /// The tag of the command that is being carried out.
    tag: Bytes,
    /// Why its message wasn't asked for.
    refused_early: Option<Status>,
    then: Then,
}

/// What follows the tagged response of the command.
enum Then {
    GoOn,
    StartTls,
    Compress,
    Close,
}

/// Who is logged in.
struct User {
    account: Account,
    changes: watch::Receiver<u64>,
}

/// How a command went: what its tagged response says.
type Outcome = Result<Status, End>;

impl Session<'_> {
    async fn run(&mut self) -> Result<(), End> {
        if self.endpoint.security() == Security::Tls {
            self.channel.start_tls(self.shared.identity.server.clone()).await?;
        }
        self.greet().await?;
        while let Some(segment) = self.next_command_or_news().await? {
            self.command(segment).await?;
        }
        Ok(())
    }

    async fn greet(&mut self) -> Result<(), End> {
        if let Some(action) = self.shared.faults.at_greeting(self.seat)
            && let Some(refused) = self.act(action).await?
        {
            self.say(Untagged::Status(refused));
            return Ok(());
        }
        let code = ResponseCode::Capability(self.capabilities());
        self.say(Untagged::Status(ok("mail-testkit is ready").with_code(code)));
        Ok(())
    }

    /// Carries out one command and answers it.
    async fn command(&mut self, segment: Segment) -> Result<(), End> {
        let name = transcript::name(&segment.bytes);
        let parsed = TaggedCommand::parse(segment.bytes.clone(), ParseOptions::STRICT);
        self.seat
            .saw(transcript::text(&segment.bytes, parsed.as_ref().ok().map(|parsed| &parsed.value.command)));
        self.run_hooks(When::Before, &name);
        let refused = match self.shared.faults.at_command(self.seat, &name) {
            Some(action) => self.act(action).await?,
            None => None,
        };
        let early = self.refused_early.take();
        let refused = refused.or(early);
        let (tag, outcome) = match parsed {
            _ if !self.takes_literals_of(&segment) => {
                self.skip_literal(&segment).await?;
                (
                    tag_of(&segment.bytes).map(Bytes::copy_from_slice),
                    bad("this literal must wait to be asked for"),
                )
            }
            Ok(parsed) if gate::lacks(&self.shared.offer, &parsed.value).is_some() => {
                self.skip_literal(&segment).await?;
                (
                    Some(parsed.value.tag),
                    refused.unwrap_or_else(|| bad("this server doesn't know that command")),
                )
            }
            Ok(mut parsed) => {
                let tag = parsed.value.tag.clone();
                self.store_names(&mut parsed.value.command);
                self.tag = tag.clone();
                let refused = refused.or_else(|| self.refuses_charset(&name, &segment.bytes));
                let outcome = match (append::Upload::of(&parsed.value), refused) {
                    (Some(upload), refused) => self.upload(upload, &segment, refused).await?,
                    (None, Some(refused)) => refused,
                    (None, None) => self.execute(parsed.value.command).await?,
                };
                (Some(tag), outcome)
            }
            Err(error) => {
                self.skip_literal(&segment).await?;
                let refused = refused.or_else(|| self.refuses_charset(&name, &segment.bytes));
                let refused = refused.unwrap_or_else(|| bad(error.to_string()));
                (tag_of(&segment.bytes).map(Bytes::copy_from_slice), refused)
            }
        };
        let Some(tag) = tag else {
            self.say(Untagged::Status(outcome));
            return Ok(());
        };
        self.run_hooks(When::Within, &name);
        let may_expunge = !matches!(name.as_str(), "FETCH" | "STORE" | "SEARCH" | "SORT" | "THREAD");
        self.tell_news(may_expunge)?;
        let outcome = if outcome.text.is_empty() {
            Status { text: format!("{name} completed").into(), ..outcome }
        } else {
            outcome
        };
        self.put(Response::Tagged { tag, status: outcome }.encode());
        if self.shared.hooks.wait_for(When::After) {
            self.channel.flush().await?;
            self.run_hooks(When::After, &name);
        }
        match std::mem::replace(&mut self.then, Then::GoOn) {
            Then::GoOn => Ok(()),
            Then::Close => Err(End::Said),
            Then::Compress => {
                let early = self.framer.buffer().split();
                self.framer.reset();
                Ok(self.channel.start_compression(early).await?)
            }
            Then::StartTls => {
                // What came behind the command may be anyone's, so it is forgotten, unanswered.
                self.framer.reset();
                Ok(self.channel.start_tls(self.shared.identity.server.clone()).await?)
            }
        }
    }

    /// What others do at this moment.
    fn run_hooks(&self, when: When, name: &str) {
        if let Some(user) = &self.user {
            self.shared.hooks.run(when, self.seat, name, &user.account);
        }
    }

    fn capabilities(&self) -> Capabilities {
        let stage = match self.user {
            Some(_) => Stage::LoggedIn,
            None if self.may_start_tls() => Stage::BeforeTls,
            None => Stage::BeforeLogin,
        };
        self.shared.offer.shown(stage, self.channel.is_tls()).collect()
    }

    /// Whether TLS has to be started before a login.
    fn may_start_tls(&self) -> bool {
        self.endpoint.security() == Security::StartTls && !self.channel.is_tls()
    }

    /// Does what a fault says; the answer of a command that it refuses.
    async fn act(&mut self, action: Action) -> Result<Option<Status>, End> {
        match session::act(self.channel, action).await? {
            None => Ok(None),
            Some(Refusal::No(text)) => Ok(Some(Status::new(StatusKind::No, text))),
            Some(Refusal::Bad(text)) => Ok(Some(Status::new(StatusKind::Bad, text))),
            Some(Refusal::Bye(text)) => {
                self.say(Untagged::Status(Status::new(StatusKind::Bye, text)));
                Err(End::Said)
            }
        }
    }

    /// Queues an untagged response.
    fn say(&mut self, mut data: Untagged) {
        self.show_names(&mut data);
        self.put(Response::Untagged(data).encode());
    }

    /// Queues what was encoded. What can't be, for a flag that is none in a test's mailbox, is left out.
    fn put(&mut self, encoded: Result<Encoded, EncodeError>) {
        match encoded {
            Ok(encoded) => {
                for fragment in encoded.fragments {
                    if let Fragment::Bytes(octets) = fragment {
                        self.channel.put_shared(octets);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(connection = self.seat.number(), %error, "a response can't be written");
                let text = format!("a response can't be written: {error}");
                let notice = Status::new(StatusKind::No, text).with_code(ResponseCode::ServerBug);
                // Nothing in a notice can fail to be written.
                if let Ok(encoded) = Response::Untagged(Untagged::Status(notice)).encode() {
                    self.channel.put(&encoded.to_bytes());
                }
            }
        }
    }
}

/// OK, with the command's name as its text.
fn done() -> Status {
    ok("")
}

fn ok(text: impl Into<Bytes>) -> Status {
    Status::new(StatusKind::Ok, text)
}

fn no(code: ResponseCode, text: impl Into<Bytes>) -> Status {
    Status::new(StatusKind::No, text).with_code(code)
}

fn bad(text: impl Into<Bytes>) -> Status {
    Status::new(StatusKind::Bad, text)
}

/// Flags as the wire has them.
fn flag_list(flags: &Flags, recent: bool) -> Vec<Flag> {
    let mut list: Vec<Flag> = flags.iter().map(|name| Flag::new(name.to_owned())).collect();
    if recent {
        list.push(Flag::Recent);
    }
    list
}
