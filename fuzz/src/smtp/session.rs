//! An SMTP session against a server that says anything, while its user does anything.
//!
//! As long as the server keeps to what it was asked, it is a real one: what it accepts is compared with what was sent.

use std::collections::{BTreeSet, VecDeque};

use bytes::BytesMut;
use mail_proto::smtp::{
    self, Address, Body, Command, Reader,
    client::{CommandId, Config, Credentials, Envelope, Event, Loss, OnRefusal, Session, Transfer},
};

use crate::{
    dots::with_whole_line_ends,
    random::Random,
    script::{self, CLOSE, PIECE, Play, Stage, TLS, WRITE},
    seeds, shown,
    steps::{Steps, piece},
};

const PASSWORD: &str = "secret";

/// What a server may say of its own accord.
const SAID: [&[u8]; 10] = [
    b"250 ok\r\n",
    b"250-hi\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n",
    b"250-open\r\n",
    b"354 go\r\n",
    b"334 \r\n",
    b"235 in\r\n",
    b"550 5.1.1 no\r\n",
    b"421 4.7.0 bye\r\n",
    b"554 no\n",
    b"+OK pop3\r\n",
];

// Steps that scripts are made of, besides those of all scripts.
const SAY: u8 = 33;
const GREETING: u8 = 32;
const ANSWER: u8 = 64;
/// An answer that is a long one to EHLO, and a good one to others.
const EHLO: u8 = ANSWER + 1;
const SEND: u8 = 128;
const SUBMIT: u8 = 160;
const BODY: u8 = 176;
const FINISH: u8 = 208;
const BREAK_OFF: u8 = 216;
const CANCEL: u8 = 217;

/// From the greeting to the login, whatever the protection.
const LOG_IN: [u8; 11] = [GREETING, WRITE, EHLO, WRITE, EHLO, TLS, WRITE, EHLO, WRITE, EHLO, WRITE];

/// The first byte chooses the protection of the connection and the login, each later one what happens next.
///
/// Every command and message ends exactly once; no password goes out before TLS where TLS is a must; what the server
/// accepts is the message, whole and once; what is told of it is true; what comes after the end changes nothing.
pub fn every_message_ends_once(data: &[u8]) {
    if let [first, steps @ ..] = data {
        run(*first, steps);
    }
}

/// How far a run came.
#[derive(Debug, Default)]
struct Reached {
    logged_in: usize,
    /// Commands and messages that ended in an answer.
    completed: usize,
    /// Messages that were accepted by DATA, and by BDAT.
    delivered: [usize; 2],
}

/// What waits for an answer at the server.
#[derive(Debug)]
enum Asked {
    Command(Command),
    /// A response of a SASL exchange, or worse.
    Line,
    /// The end of a message or of its last chunk.
    End,
    /// The end of another chunk.
    Chunk,
}

/// A message as its user sees it.
#[derive(Debug, Default)]
struct Message {
    id: Option<CommandId>,
    text: Vec<u8>,
    finished: bool,
}

/// The transaction as the server sees it.
#[derive(Debug, Default)]
struct Transaction {
    /// The sender says which message it is.
    message: Option<usize>,
    sender_accepted: bool,
    recipients: usize,
    text: Vec<u8>,
    by_chunks: bool,
    /// The chunk that is coming is the last.
    last: bool,
}

struct Smtp {
    reader: Reader,
    asked: VecDeque<Asked>,
    transaction: Transaction,
    messages: Vec<Message>,
    /// The message whose text is asked for.
    current: Option<CommandId>,
    /// Messages whose end the server has read, and those of them that it had a sender and recipients for.
    ended: BTreeSet<usize>,
    deliverable: BTreeSet<usize>,
    /// Those that it has said yes to.
    accepted: BTreeSet<usize>,
    /// The server has said nothing that it wasn't asked.
    honest: bool,
    greeted: bool,
    reached: Reached,
}

fn reader() -> Reader {
    Reader::new(64 << 10, u64::MAX)
}

fn run(first: u8, steps: &[u8]) -> Reached {
    let security = script::security(first);
    let credentials = (first & 16 != 0).then(|| Credentials::password("kim", PASSWORD));
    let smtp = Smtp {
        reader: reader(),
        asked: VecDeque::new(),
        transaction: Transaction::default(),
        messages: Vec::new(),
        current: None,
        ended: BTreeSet::new(),
        deliverable: BTreeSet::new(),
        accepted: BTreeSet::new(),
        honest: true,
        greeted: false,
        reached: Reached::default(),
    };
    script::play(smtp, security, |now| Session::new(Config::new(security, credentials), now), steps).reached
}

impl Play for Smtp {
    type Session = Session;
    type Id = CommandId;

    fn step(stage: &mut Stage<Self>, step: u8, steps: &mut Steps<'_>) -> bool {
        match step {
            // Anything at all.
            0..GREETING => Self::say(stage, steps.take(usize::from(step) + 1)),
            GREETING if !stage.play.greeted => {
                stage.play.greeted = true;
                stage.hear(b"220 hi\r\n");
            }
            GREETING..ANSWER => Self::say(stage, SAID[usize::from(step - GREETING) % SAID.len()]),
            ANSWER..SEND => {
                if let Some(answer) = stage.play.answer(step - ANSWER) {
                    stage.hear(answer);
                }
            }
            SEND..SUBMIT => send(stage, step - SEND),
            SUBMIT..BODY => submit(stage, step - SUBMIT),
            BODY..FINISH => {
                let text = steps.take(usize::from(step - BODY));
                stage.play.write_body(text);
                stage.session.write_body(text.to_vec().into());
            }
            FINISH..BREAK_OFF => {
                stage.play.finish();
                stage.session.finish_body();
            }
            BREAK_OFF => {
                if let Some((id, Loss::Unwritten)) = stage.session.break_off() {
                    stage.forget(id);
                }
            }
            CANCEL..TLS => stage.cancel(step),
            _ => return false,
        }
        true
    }

    /// The server says what it wasn't asked.
    fn say(stage: &mut Stage<Self>, bytes: &[u8]) {
        stage.play.honest = false;
        stage.hear(bytes);
    }

    fn server(&mut self) -> &mut BytesMut {
        self.reader.buffer()
    }

    fn read(stage: &mut Stage<Self>) {
        stage.play.read_on();
    }

    fn restart(&mut self) {
        self.reader = reader();
        self.asked.clear();
    }

    fn is_harmless(bytes: &[u8]) -> bool {
        bytes == b"EHLO localhost\r\n" || bytes == b"STARTTLS\r\n"
    }

    fn ready(&mut self) {
        self.reached.logged_in += 1;
    }

    fn event(stage: &mut Stage<Self>, event: Event) {
        let play = &mut stage.play;
        match event {
            Event::SendBody { id } => {
                assert!(play.number(id).is_some(), "the text of something that is no message");
                play.current = Some(id);
                stage.told(id);
            }
            Event::Completed { id, outcome, recipients } => {
                if play.current == Some(id) {
                    play.current = None;
                }
                play.reached.completed += 1;
                if let Some(number) = play.number(id).filter(|_| play.honest) {
                    let accepted = play.accepted.contains(&number);
                    assert_eq!(outcome.is_ok(), accepted, "message {number}: {outcome:?}");
                    assert!(outcome.is_err() || recipients.iter().any(|reply| reply.is_positive()));
                }
                stage.completed(id);
            }
            _ => {}
        }
    }

    fn cancel(session: &mut Session, id: CommandId) -> bool {
        session.cancel(id)
    }

    fn lost(stage: &mut Stage<Self>) -> Vec<CommandId> {
        let (lost, play) = (stage.session.take_lost(), &stage.play);
        for (id, loss) in &lost {
            let Some(number) = play.number(*id).filter(|_| play.honest) else { continue };
            match loss {
                Loss::OutcomeUnknown => {
                    assert!(play.ended.contains(&number), "nothing of {number} is unknown")
                }
                _ => {
                    assert!(!play.deliverable.contains(&number), "message {number} may be accepted: {loss:?}")
                }
            }
        }
        lost.into_iter().map(|(id, _)| id).collect()
    }
}

impl Smtp {
    /// Which message this is, if it is one.
    fn number(&self, id: CommandId) -> Option<usize> {
        self.messages.iter().position(|message| message.id == Some(id))
    }

    /// The server answers what it was asked first.
    fn answer(&mut self, choice: u8) -> Option<&'static [u8]> {
        let asked = self.asked.pop_front()?;
        let refused = choice % 8 == 7;
        let transaction = &mut self.transaction;
        Some(match &asked {
            _ if choice == 63 => b"421 4.3.2 closing\r\n",
            Asked::Command(Command::Mail { .. }) if !refused => {
                transaction.sender_accepted = true;
                b"250 2.1.0 ok\r\n"
            }
            // Without a sender a server takes no recipient.
            Asked::Command(Command::Rcpt { .. }) if !refused && transaction.sender_accepted => {
                transaction.recipients += 1;
                b"250-2.1.5 ok\r\n250 2.1.5 ok\r\n"
            }
            Asked::Command(Command::Mail { .. } | Command::Rcpt { .. }) => b"550 5.1.1 no\r\n",
            Asked::Command(Command::Data) if !refused && (transaction.recipients > 0 || choice & 8 == 0) => {
                self.reader.expect_data();
                b"354 go\r\n"
            }
            Asked::Command(Command::Data) => b"503 5.5.1 no recipients\r\n",
            Asked::End => {
                let deliverable = transaction.sender_accepted && transaction.recipients > 0;
                let accepted = !refused && deliverable;
                if accepted && let Some(message) = transaction.message {
                    assert!(self.accepted.insert(message) || !self.honest, "accepted twice");
                    self.reached.delivered[usize::from(transaction.by_chunks)] += 1;
                }
                *transaction = Transaction::default();
                if accepted || !deliverable { b"250 2.0.0 queued\r\n" } else { b"451 4.3.0 later\r\n" }
            }
            Asked::Chunk if refused => b"552 5.3.4 too much\r\n",
            Asked::Command(Command::Ehlo(_)) => match choice % 8 {
                0 => b"250 hi\r\n",
                1..=3 => b"250-hi\r\n250-AUTH PLAIN\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-8BITMIME\r\n250-SIZE 100\r\n250-DSN\r\n250 SMTPUTF8\r\n",
                4 => b"250-hi\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 AUTH LOGIN\r\n",
                5 | 6 => b"250-hi\r\n250-SIZE\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n",
                _ => b"502 what\r\n",
            },
            Asked::Command(Command::StartTls) if !refused => b"220 go\r\n",
            Asked::Command(Command::Auth { initial: None, .. }) if !refused => b"334 VXNlcm5hbWU6\r\n",
            Asked::Line if choice & 8 == 0 => b"334 UGFzc3dvcmQ6\r\n",
            Asked::Line | Asked::Command(Command::Auth { .. }) if !refused => b"235 2.7.0 in\r\n",
            Asked::Command(_) | Asked::Line | Asked::Chunk => {
                if refused { b"550 5.7.1 no\r\n" } else { b"250 ok\r\n" }
            }
        })
    }

    fn asked_for(&mut self) -> Option<&mut Message> {
        let current = self.current?;
        self.messages.iter_mut().find(|message| message.id == Some(current))
    }

    fn write_body(&mut self, text: &[u8]) {
        if let Some(message) = self.asked_for()
            && !message.finished
        {
            message.text.extend_from_slice(text);
        }
    }

    fn finish(&mut self) {
        if let Some(message) = self.asked_for() {
            message.finished = true;
        }
    }

    fn read_on(&mut self) {
        while let Ok(Some(event)) = self.reader.next_event() {
            match event {
                smtp::Event::Line(line) => self.asked_line(line),
                smtp::Event::Chunk(text) => self.transaction.text.extend_from_slice(&text),
                smtp::Event::End { lone_line_break } => {
                    assert!(!lone_line_break, "a lone line break by DATA");
                    let is_end = !self.transaction.by_chunks || self.transaction.last;
                    self.asked.push_back(if is_end { Asked::End } else { Asked::Chunk });
                    if is_end && self.honest {
                        self.check_end();
                    }
                }
                _ => {}
            }
        }
    }

    fn asked_line(&mut self, line: bytes::Bytes) {
        let Ok(command) = Command::parse(line) else { return self.asked.push_back(Asked::Line) };
        match &command {
            Command::Mail { from, .. } => {
                let number =
                    from.as_ref().and_then(|from| from.as_str().strip_prefix('m')?.strip_suffix("@x"));
                let message = number.and_then(|number| number.parse().ok());
                self.transaction = Transaction { message, ..Transaction::default() };
            }
            Command::Rset => self.transaction = Transaction::default(),
            Command::Bdat { size, last } => {
                self.transaction.by_chunks = true;
                self.transaction.last = *last;
                self.reader.expect_chunk(*size);
                return;
            }
            _ => {}
        }
        self.asked.push_back(Asked::Command(command));
    }

    /// The server has read the end of a message.
    fn check_end(&mut self) {
        let transaction = &self.transaction;
        let Some(number) = transaction.message else { panic!("a message without a sender") };
        assert!(self.ended.insert(number), "a message ends twice");
        let Some(message) = self.messages.get(number) else { panic!("a message that nobody sent") };
        if !transaction.sender_accepted || transaction.recipients == 0 {
            assert_eq!(shown(&transaction.text), "", "a message to nobody has no text");
            return;
        }
        self.deliverable.insert(number);
        assert!(message.finished, "a message ends before its user says so");
        let sent = &message.text;
        let expected = if transaction.by_chunks { sent.clone() } else { with_whole_line_ends(sent) };
        assert_eq!(shown(&transaction.text), shown(&expected), "message {number} arrives as another");
    }
}

fn send(stage: &mut Stage<Smtp>, choice: u8) {
    let address = |text: &str| Address::new(text).expect("an address");
    let number = stage.play.messages.len();
    let from = address(&format!("m{number}@x"));
    let to = [address("a@y"), address("b@y"), address("\u{fc}@z")];
    let count = [1, 2, 2, 1, 3, 0, 1, 2][usize::from(choice % 8)];
    let mut envelope = Envelope::new(Some(from), to.into_iter().take(count));
    if choice & 8 != 0 {
        envelope.transfer = Transfer::Chunks;
    }
    if choice & 16 != 0 {
        envelope.on_refusal = OnRefusal::SendToNone;
    }
    match choice % 8 {
        1 => envelope.parameters.body = Some(Body::BinaryMime),
        3 => envelope.parameters.size = Some(40 * u64::from(choice & 24)),
        6 => envelope.parameters.envelope_id = Some((&b"id"[..]).into()),
        7 => envelope.parameters.auth = Some((&b"a\r\nb"[..]).into()),
        _ => {}
    }
    let id = stage.session.send(envelope);
    stage.play.messages.push(Message { id: Some(id), ..Message::default() });
    stage.submitted(id);
}

fn submit(stage: &mut Stage<Smtp>, choice: u8) {
    let command = match choice {
        0..4 => Command::Noop,
        4..8 => Command::Rset,
        8..11 => Command::Vrfy((&b"kim"[..]).into()),
        11 => Command::Vrfy((&b"kim\r\nQUIT"[..]).into()),
        12 => Command::Data,
        13 => Command::StartTls,
        _ => Command::Quit,
    };
    let id = stage.session.submit(command);
    stage.submitted(id);
}

/// Steps that look random. Of four runs three log in first, and then have an honest server.
fn random_steps(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let len = 40 + usize::from(random.byte());
    let steps: Vec<u8> = (0..len).map(|_| random.byte()).collect();
    if seed.is_multiple_of(4) {
        return steps;
    }
    // More answers and writes than chance has.
    let steps = steps.into_iter().flat_map(|step| match step {
        0..ANSWER | CLOSE | PIECE | BREAK_OFF | 174..BODY => vec![WRITE, ANSWER + step % 7],
        step => vec![step],
    });
    LOG_IN.into_iter().chain(steps).collect()
}

/// What the target begins with: random runs, whole messages by each way, and replies where none was asked for.
pub(crate) fn session_scripts() -> Vec<Vec<u8>> {
    let random = (0..120).map(|seed| [&[seed as u8][..], &random_steps(seed)].concat());
    let text = [&[BODY + 9][..], b"A: b\r\n\r\n.", &[BODY + 4], b"\r\nx\n", &[FINISH]].concat();
    let messages = (SEND..SUBMIT).map(|send| {
        let answered = [WRITE, ANSWER, WRITE, ANSWER, WRITE, ANSWER, WRITE, ANSWER];
        [&[send][..], &LOG_IN, &[send], &answered, &text, &answered[..4]].concat()
    });
    let replies = seeds::written("smtp_replies").into_iter().enumerate().map(|(at, reply)| {
        let said = [&[PIECE][..], &piece(&reply)].concat();
        [&[at as u8][..], &LOG_IN, &[SEND + at as u8 % 32, WRITE], &said, &[SAY, WRITE], &said].concat()
    });
    random.chain(messages).chain(replies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    fn reached(runs: impl Iterator<Item = Vec<u8>>) -> Reached {
        let mut all = Reached::default();
        for bytes in runs {
            let [first, steps @ ..] = &bytes[..] else { continue };
            let Reached { logged_in, completed, delivered } = run(*first, steps);
            assert!(logged_in <= 1, "logged in twice");
            all.logged_in += logged_in;
            all.completed += completed;
            all.delivered[0] += delivered[0];
            all.delivered[1] += delivered[1];
        }
        all
    }

    #[test]
    fn random_runs_pass_and_come_far() {
        let all = reached((0..5_000).map(|seed| [&[seed as u8][..], &random_steps(seed)].concat()));
        let Reached { logged_in, completed, delivered: [by_data, by_chunks] } = all;
        assert!(logged_in > 3_000 && completed > 10_000 && by_data > 500 && by_chunks > 200, "{all:?}");
    }

    #[test]
    fn seeds_log_in_and_deliver() {
        let all = reached(Target::find("smtp_session").unwrap().seeds().into_iter());
        let Reached { logged_in, completed, delivered: [by_data, by_chunks] } = all;
        assert!(logged_in > 100 && completed > 100 && by_data > 10 && by_chunks > 5, "{all:?}");
    }
}
