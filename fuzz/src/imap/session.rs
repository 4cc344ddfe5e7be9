//! An IMAP session against a server that says anything, while its user does anything.

use std::collections::BTreeSet;

use bytes::BytesMut;
use mail_proto::frame::{self, Framer, Limits};
use mail_proto::imap::client::{
    ClientSession, CommandId, Config, Credentials, Event, Request, Selection, Session,
};
use mail_proto::imap::command::{Command, StoreAction};
use mail_proto::imap::fetch::{FetchItem, Section};
use mail_proto::imap::{AppendMessage, Capability, Flag, MailboxName, SearchKey, SearchReturn, SequenceSet};

use crate::{
    random::Random,
    script::{self, CLOSE, PIECE, Play, Stage, TLS, WRITE},
    seeds::{self, Corpus},
    steps::{Steps, piece},
};

const PASSWORD: &str = "secret";

/// What a server may say of its own accord.
const SAID: [&[u8]; 24] = [
    b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LITERAL+ SASL-IR UIDPLUS ENABLE QRESYNC COMPRESS=DEFLATE] hello\r\n",
    b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n",
    b"* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED ID ENABLE\r\n",
    b"* CAPABILITY IMAP4rev1 STARTTLS LITERAL-\r\n",
    b"+ go on\r\n",
    b"+ \r\n",
    b"* BYE [UNAVAILABLE] later\r\n",
    b"* 3 EXISTS\r\n",
    b"* 1 EXPUNGE\r\n",
    b"* 0 EXISTS\r\n",
    b"* OK [UIDVALIDITY 7] .\r\n",
    b"* OK [UIDVALIDITY 8] .\r\n",
    b"* FLAGS (\\Seen)\r\n",
    b"* 1 FETCH (UID 5 FLAGS (\\Seen))\r\n",
    b"* 2 FETCH (UID 6 BODY[] {3}\r\nabc)\r\n",
    b"* 2 FETCH (BODY[] {6}\r\nabcdef UID 6)\r\n",
    b"* 3 FETCH (UID x BODY[] {2}\r\n)\r\n",
    b"* SEARCH 5 6\r\n",
    b"* LIST () \"/\" a\r\n",
    b"* OK [CLOSED] .\r\n",
    b"* ESEARCH (TAG \"A3\") UID ALL 1:4\r\n",
    b"* VANISHED 3:4\r\n",
    b"* 2 EXPUNGE\r\n",
    b"* ENABLED UTF8=ACCEPT\r\n",
];

// Steps that scripts are made of, besides those of all scripts.
const GREETING: u8 = 48;
const ANSWER: u8 = 96;
const SUBMIT: u8 = 144;
const CANCEL: u8 = 208;
const UPLOAD: u8 = 241;
const UPLOAD_END: u8 = 244;

/// From the greeting to the login, whatever the protection.
const LOG_IN: [u8; 10] = [GREETING, WRITE, ANSWER, TLS, WRITE, ANSWER, WRITE, ANSWER, WRITE, ANSWER];

/// The first byte chooses the protection of the connection and what is switched on after the login, each
/// later one what happens next.
///
/// Every command ends exactly once; no password goes out before TLS where TLS is a must; tags are not used twice;
/// data names a command that is on its way; what comes after the end of the connection changes nothing.
pub fn every_command_ends_once(data: &[u8]) {
    if let [security, steps @ ..] = data {
        run(*security, steps);
    }
}

/// How far a run came.
#[derive(Debug, Default)]
struct Reached {
    logged_in: usize,
    /// Commands that the server answered.
    completed: usize,
    /// Pieces of data told as a command's.
    answers: usize,
    /// Messages that were asked for piece by piece.
    asked_for: usize,
}

fn run(choice: u8, steps: &[u8]) -> Reached {
    let security = script::security(choice);
    let mut config = Config::new(security, Credentials::password("kim", PASSWORD));
    config.compress = choice & 64 != 0;
    if choice & 128 != 0 {
        config.enable = vec![Capability::Utf8Accept, Capability::CondStore];
    }
    // Streamed from here on, so that short inputs stream.
    config.limits.kept_literal = 4;
    let imap = Imap {
        // At the server every literal is kept, so that a command is one frame.
        server: Framer::commands(Limits::COMMANDS),
        tags: Vec::new(),
        seen: BTreeSet::new(),
        wanted: None,
        reached: Reached::default(),
    };
    script::play(imap, security, |now| Session::new(config, now), steps).reached
}

fn request(step: u8) -> Request {
    let mailbox = |name: &str| MailboxName::new(name);
    let on = |name: &str, read_only: bool, uid_validity: Option<u32>| Selection {
        mailbox: mailbox(name),
        read_only,
        uid_validity,
    };
    let mut set = SequenceSet::all();
    if step & 1 == 0 {
        set = SequenceSet::starting_at(5);
    }
    let name = if step & 2 == 0 { "a" } else { "b" };
    let fetch = |items| Command::uid_fetch(set.clone(), items);
    let body = FetchItem::Body { section: Section::all(), peek: true, partial: None };
    match step / 4 % 13 {
        0 => Request::new(Command::Noop),
        1 if step & 1 == 0 => Request::new(Command::examine(mailbox(name))),
        1 => Request::new(Command::select(mailbox(name))),
        2 => Request::on(on(name, true, None), fetch(vec![FetchItem::Uid, FetchItem::Flags])),
        3 => Request::on(on(name, true, Some(7)), fetch(vec![FetchItem::Uid, body])),
        4 => Request::on(
            on(name, false, Some(7)),
            Command::Store {
                uid: true,
                set,
                action: StoreAction::Add,
                silent: false,
                flags: vec![Flag::new(&b"\\Seen"[..])],
                unchanged_since: None,
            },
        ),
        5 if step & 1 == 0 => Request::new(Command::append(mailbox(name), AppendMessage::new(4)))
            .with_upload((&b"mail"[..]).into()),
        5 => Request::new(Command::append(mailbox(name), AppendMessage::new(4))).with_streamed_upload(),
        6 => Request::new(Command::create(MailboxName::from_wire(&b"odd \xff\r\nname"[..]))),
        7 => Request::new(Command::Idle),
        8 => Request::new(Command::Logout),
        9 => Request::new(Command::Compress),
        10 => Request::new(Command::Enable([Capability::Utf8Accept].into_iter().collect())),
        11 => Request::on(
            on(name, true, None),
            Command::Search {
                uid: true,
                returns: Some(vec![SearchReturn::All]),
                key: SearchKey::text("\u{e9}"),
            },
        ),
        _ => Request::on(on(name, false, None), Command::UidExpunge(set)),
    }
}

struct Imap {
    /// What the server reads.
    server: Framer,
    /// Of commands that the server has read and not answered.
    tags: Vec<String>,
    /// All tags so far.
    seen: BTreeSet<String>,
    /// The upload that is asked for.
    wanted: Option<CommandId>,
    reached: Reached,
}

impl Play for Imap {
    type Session = Session;
    type Id = CommandId;

    fn step(stage: &mut Stage<Self>, step: u8, steps: &mut Steps<'_>) -> bool {
        match step {
            // Anything at all.
            0..32 => stage.hear(steps.take(usize::from(step) + 1)),
            32..ANSWER => stage.hear(SAID[usize::from(step) % SAID.len()]),
            // The answer to a command that was written, most often to the oldest.
            ANSWER..SUBMIT if !stage.play.tags.is_empty() => {
                let tags = &mut stage.play.tags;
                let tag = tags.remove(usize::from(step / 12) % tags.len().min(2));
                let answer =
                    ["OK done", "NO [LIMIT] no", "BAD what", "OK [READ-ONLY] done"][usize::from(step % 4)];
                stage.hear(format!("{tag} {answer}\r\n").as_bytes());
            }
            SUBMIT..CANCEL => {
                let id = stage.session.submit(request(step));
                stage.submitted(id);
            }
            CANCEL..TLS => stage.cancel(step),
            UPLOAD..UPLOAD_END => {
                if let Some(id) = stage.play.wanted {
                    let piece = &b"ma"[..usize::from(step - UPLOAD)];
                    stage.session.write_upload(id, piece.into());
                }
            }
            UPLOAD_END => {
                if let Some(id) = stage.play.wanted.take() {
                    stage.session.finish_upload(id);
                }
            }
            _ => return false,
        }
        true
    }

    fn server(&mut self) -> &mut BytesMut {
        self.server.buffer()
    }

    fn read(stage: &mut Stage<Self>) {
        let play = &mut stage.play;
        while let Ok(Some(event)) = play.server.next_event() {
            let frame::Event::Segment(segment) = event else { continue };
            let line = String::from_utf8_lossy(&segment.bytes).into_owned();
            // The line that ends IDLE, and an answer to a challenge, have no tag.
            if let Some((tag, _)) = line.split_once(' ')
                && tag != "DONE"
            {
                assert!(play.seen.insert(tag.to_owned()), "the tag {tag} is used twice");
                play.tags.push(tag.to_owned());
            }
        }
    }

    fn restart(&mut self) {
        self.server.reset();
    }

    fn is_harmless(bytes: &[u8]) -> bool {
        bytes.to_ascii_uppercase().ends_with(b" STARTTLS\r\n")
    }

    fn ready(&mut self) {
        self.reached.logged_in += 1;
    }

    fn event(stage: &mut Stage<Self>, event: Event) {
        match event {
            Event::Completed { id, .. } => {
                stage.completed(id);
                stage.play.reached.completed += 1;
            }
            Event::Data { id: Some(id), .. } | Event::Chunk { id: Some(id), .. } => {
                stage.told(id);
                stage.play.reached.answers += 1;
            }
            Event::Chunk { bytes, .. } => assert!(!bytes.is_empty(), "an empty chunk"),
            Event::SendUpload { id, index } => {
                assert_eq!(index, 0, "there is one message");
                assert!(stage.session.upload_room(id) > 0, "a message is asked for and not wanted");
                stage.play.wanted = Some(id);
                stage.play.reached.asked_for += 1;
            }
            Event::Compress => {
                // Deflate itself is the driver's: what was read behind the answer goes in as it is.
                let behind = stage.session.take_compressed();
                ClientSession::buffer(&mut stage.session).extend_from_slice(&behind);
                stage.session.compression_started();
            }
            _ => {}
        }
    }

    fn cancel(session: &mut Session, id: CommandId) -> bool {
        session.cancel(id)
    }

    fn lost(stage: &mut Stage<Self>) -> Vec<CommandId> {
        stage.session.take_lost().into_iter().map(|(id, _)| id).collect()
    }
}

/// Steps that look random. Every second run logs in first, and then keeps to what a server may say.
fn random_steps(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let len = 20 + usize::from(random.byte());
    let steps: Vec<u8> = (0..len).map(|_| random.byte()).collect();
    if seed.is_multiple_of(2) {
        return steps;
    }
    let is_sensible = |step: &u8| match *step {
        32..96 => !matches!(step % 24, 0 | 1 | 4 | 5 | 6),
        CLOSE | PIECE | 0..32 => false,
        _ => true,
    };
    LOG_IN.into_iter().chain(steps.into_iter().filter(is_sensible)).collect()
}

/// What the target begins with: random runs, and each case of the corpus as the answer to an EXAMINE and to a FETCH.
pub(crate) fn session_scripts() -> Vec<Vec<u8>> {
    const EXAMINE: u8 = 160;
    const FETCH: u8 = 164;
    let random = (0..60).map(|seed| [&[seed as u8][..], &random_steps(seed)].concat());
    let cases = seeds::quirks(Corpus::Imap).into_iter().enumerate().map(|(at, case)| {
        let said = [&[PIECE][..], &piece(&case)].concat();
        let (examine, fetch) = ([EXAMINE, WRITE], [FETCH, WRITE]);
        [&[at as u8][..], &LOG_IN, &examine, &said, &[ANSWER], &fetch, &said, &[ANSWER]].concat()
    });
    random.chain(cases).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    fn reached(runs: impl Iterator<Item = Vec<u8>>) -> Reached {
        let mut all = Reached::default();
        for bytes in runs {
            let [security, steps @ ..] = &bytes[..] else { continue };
            let Reached { logged_in, completed, answers, asked_for } = run(*security, steps);
            assert!(logged_in <= 1, "logged in twice");
            all.logged_in += logged_in;
            all.completed += completed;
            all.answers += answers;
            all.asked_for += asked_for;
        }
        all
    }

    #[test]
    fn random_runs_pass_and_come_far() {
        let all = reached((0..5_000).map(|seed| [&[seed as u8][..], &random_steps(seed)].concat()));
        assert!(all.logged_in > 1_000 && all.completed > 5_000, "{all:?}");
        assert!(all.answers > 200 && all.asked_for > 50, "{all:?}");
    }

    #[test]
    fn seeds_log_in_and_are_answered() {
        let seeds = Target::find("imap_session").unwrap().seeds();
        let count = seeds.len();
        let all = reached(seeds.into_iter());
        assert!(count > 250 && all.logged_in > 200 && all.completed > 400 && all.answers > 100, "{all:?}");
    }
}
