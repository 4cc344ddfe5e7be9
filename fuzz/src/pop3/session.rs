//! A POP3 session against a server that says anything, while its user does anything.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use mail_proto::pop3::{
    AnswerForm, Command, CommandReader,
    client::{ClientSession, CommandId, Config, Credentials, Event, Loss, Security, Session, SessionError},
};

use crate::{
    random::Random,
    seeds::{self, Corpus},
    shown,
    steps::{Steps, piece},
};

const PASSWORD: &str = "secret";

/// What a server may say of its own accord.
const SAID: [&[u8]; 12] = [
    b"+OK hello <1@h>\r\n",
    b"+OK hello\r\n",
    b"+OK\n",
    b"-ERR [IN-USE] later\r\n",
    b"+ \r\n",
    b"+ AGE=\r\n",
    b"1 2\r\n.\r\n",
    b".\r\n",
    b"Subject: x\r\n\r\n..a\r\n.\r\n",
    b"+OK 2 320\r\n",
    b"220 smtp\r\n",
    b"+OK 1 x\r\n",
];

// Steps that scripts are made of.
const GREETING: u8 = 32;
const ANSWER: u8 = 96;
const SUBMIT: u8 = 144;
const TLS: u8 = 224;
const CLOSE: u8 = 240;
const PIECE: u8 = 241;
const WRITE: u8 = 255;

/// From the greeting to the login, whatever the protection.
const LOG_IN: [u8; 11] = [GREETING, WRITE, ANSWER, TLS, WRITE, ANSWER, WRITE, ANSWER, WRITE, ANSWER, WRITE];

/// The first byte chooses the protection of the connection and how the login goes, each later one what happens next.
///
/// Every command ends exactly once; no password goes out before TLS where TLS is a must; data names a command that is
/// on its way; nothing is deleted that wasn't asked for; what comes after the end changes nothing.
pub fn every_command_ends_once(data: &[u8]) {
    if let [first, steps @ ..] = data {
        run(*first, steps);
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
    /// Deletions that a QUIT committed.
    committed: u32,
}

struct Run {
    session: Session,
    /// What the server reads.
    server: CommandReader,
    /// Commands that the server has read and not answered; none for what isn't a command.
    asked: VecDeque<Option<Command>>,
    /// Submitted, and not yet ended.
    on_their_way: BTreeSet<CommandId>,
    /// Before TLS, where TLS is a must.
    in_the_clear: bool,
    /// The session asked for the TLS handshake.
    handshake: bool,
    /// The user asked for QUIT, and what is marked goes with it.
    may_commit: bool,
    /// QUIT was read with messages marked.
    committed: bool,
    reached: Reached,
}

fn run(first: u8, steps: &[u8]) -> Reached {
    let security = match first % 3 {
        0 => Security::ImplicitTls,
        1 => Security::StartTls,
        _ => Security::Plaintext,
    };
    let mut config = Config::new(security, Credentials::password("kim", PASSWORD));
    config.utf8 = first & 16 != 0;
    config.pipeline = 1 + usize::from(first >> 6) * 4;
    let mut now = Instant::now();
    let mut run = Run {
        session: Session::new(config, now),
        server: CommandReader::new(64 << 10),
        asked: VecDeque::new(),
        on_their_way: BTreeSet::new(),
        in_the_clear: security == Security::StartTls,
        handshake: false,
        may_commit: false,
        committed: false,
        reached: Reached::default(),
    };
    let mut steps = Steps(steps);
    while let Some(step) = steps.next() {
        match step {
            // Anything at all.
            0..GREETING => run.hear(steps.take(usize::from(step) + 1), now),
            PIECE => run.hear(steps.piece(), now),
            GREETING..ANSWER => run.hear(SAID[usize::from(step - GREETING) % SAID.len()], now),
            ANSWER..SUBMIT => {
                if let Some(asked) = run.asked.pop_front() {
                    run.hear(&answer(asked.as_ref(), step - ANSWER), now);
                }
            }
            SUBMIT..208 => run.submit(step - SUBMIT),
            208..TLS => {
                let ids: Vec<_> = run.on_their_way.iter().copied().collect();
                if let Some(&id) = ids.get(usize::from(step) % ids.len().max(1))
                    && run.session.cancel(id)
                {
                    run.on_their_way.remove(&id);
                }
            }
            TLS..236 if run.handshake => {
                (run.handshake, run.in_the_clear) = (false, false);
                run.server = CommandReader::new(64 << 10);
                run.asked.clear();
                run.session.tls_established();
            }
            236..CLOSE => {
                now += Duration::from_secs(u64::from(step));
                run.session.reading_resumed(now);
                let due = run.session.deadline();
                assert_eq!(due.is_some(), run.session.patience().is_some());
            }
            CLOSE => run.session.closed(),
            _ => run.write(now),
        }
        if let Err(error) = run.events() {
            return run.end(&error);
        }
    }
    run.session.closed();
    let error = run.events().expect_err("the end of a closed session");
    run.end(&error)
}

/// What a server answers.
fn answer(asked: Option<&Command>, choice: u8) -> Vec<u8> {
    let refused = choice % 8 == 7;
    match asked {
        _ if refused => b"-ERR [SYS/TEMP] no\r\n".to_vec(),
        None => b"+OK in\r\n".to_vec(),
        Some(Command::Capa) if choice & 8 == 0 => {
            b"+OK\r\nPIPELINING\r\nUIDL\r\nSASL PLAIN LOGIN\r\nUTF8\r\n.\r\n".to_vec()
        }
        Some(Command::Stat) => b"+OK 3 700\r\n".to_vec(),
        Some(Command::List(Some(number))) => format!("+OK {number} 12\r\n").into_bytes(),
        Some(Command::Uidl(Some(number))) => format!("+OK {number} x{number}\r\n").into_bytes(),
        Some(Command::Auth { initial: None, .. }) if choice & 1 == 0 => b"+ VXNlcm5hbWU6\r\n".to_vec(),
        Some(command) => match command.answer() {
            AnswerForm::Nothing => b"+OK done\r\n".to_vec(),
            AnswerForm::Lines => b"+OK\r\n1 20\r\n2 x\r\n.\r\n".to_vec(),
            AnswerForm::Message => b"+OK\r\nA: b\r\n\r\n..c\r\n.d\r\n.\r\n".to_vec(),
        },
    }
}

impl Run {
    fn submit(&mut self, choice: u8) {
        let number = u32::from(choice / 16) + 1;
        let command = match choice % 16 {
            0 => Command::Stat,
            1 => Command::List(None),
            2 => Command::List(Some(number)),
            3 => Command::Uidl(None),
            4 => Command::Uidl(Some(number)),
            5 | 6 => Command::Retr(number),
            7 => Command::Top { number, lines: 3 },
            8 | 9 => Command::Dele(number),
            10 => Command::Rset,
            11 => Command::Capa,
            12 if number == 1 => Command::Pass(PASSWORD.into()),
            12 if number == 2 => Command::Lang(Some((&b"x\r\nDELE 1"[..]).into())),
            12 => Command::Lang(None),
            13 => Command::Noop,
            14 => {
                let id = self.session.leave();
                assert!(self.on_their_way.insert(id), "an id is used twice");
                return;
            }
            _ => {
                self.may_commit = true;
                Command::Quit
            }
        };
        let id = self.session.submit(command);
        assert!(self.on_their_way.insert(id), "an id is used twice");
    }

    fn hear(&mut self, bytes: &[u8], now: Instant) {
        self.session.buffer().extend_from_slice(bytes);
        self.session.received(now);
    }

    /// Writes all there is to write, and has the server read it.
    fn write(&mut self, now: Instant) {
        while let Some(bytes) = self.session.transmit() {
            assert!(!bytes.is_empty(), "nothing is given to be written");
            assert!(!self.in_the_clear || bytes == "STLS\r\n", "in the clear: {}", shown(&bytes));
            self.server.buffer().extend_from_slice(&bytes);
        }
        self.session.transmitted(now);
        while let Ok(Some(line)) = self.server.next_line() {
            let command = Command::parse(line).ok();
            if command == Some(Command::Quit) {
                let marked = self.session.marked_as_deleted();
                assert!(self.may_commit || marked == 0, "{marked} deletions are committed unasked");
                self.committed |= marked > 0;
                self.reached.committed += marked;
            }
            self.asked.push_back(command);
        }
    }

    fn events(&mut self) -> Result<(), SessionError> {
        while let Some(event) = self.session.next_event()? {
            match event {
                Event::StartTls => {
                    assert!(self.in_the_clear && !self.handshake, "an unasked handshake");
                    self.handshake = true;
                }
                Event::Ready => {
                    assert!(!self.in_the_clear, "ready before TLS");
                    self.reached.logged_in += 1;
                }
                Event::Item { id, .. } | Event::Unreadable { id, .. } => {
                    assert!(self.on_their_way.contains(&id), "data for a command that isn't on its way");
                    self.reached.answers += 1;
                }
                Event::Chunk { id, bytes } => {
                    assert!(!bytes.is_empty(), "an empty chunk");
                    assert!(self.on_their_way.contains(&id), "data for a command that isn't on its way");
                    self.reached.answers += 1;
                }
                Event::Completed { id, .. } => {
                    assert!(self.on_their_way.remove(&id), "a command ends that isn't on its way");
                    self.reached.completed += 1;
                }
                Event::DeriveKey(derivation) => self.session.derived(&derivation.run()),
                _ => {}
            }
        }
        Ok(())
    }

    fn end(mut self, error: &SessionError) -> Reached {
        assert_eq!(self.session.next_event().err().as_ref(), Some(error), "the error changes");
        for (id, loss) in self.session.take_lost() {
            assert!(self.on_their_way.remove(&id), "a command is lost that isn't on its way");
            assert!(loss != Loss::OutcomeUnknown || self.may_commit, "an unknown outcome without a QUIT");
        }
        assert!(self.on_their_way.is_empty(), "commands without an end: {:?}", self.on_their_way);
        assert!(self.session.take_lost().is_empty(), "lost twice");
        self.reached
    }
}

/// Steps that look random. Of four runs three log in first, and then keep to what a server may say.
fn random_steps(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let len = 20 + usize::from(random.byte());
    let steps: Vec<u8> = (0..len).map(|_| random.byte()).collect();
    if seed.is_multiple_of(4) {
        return steps;
    }
    let is_sensible = |step: &u8| !matches!(*step, 0..ANSWER | CLOSE | PIECE);
    LOG_IN.into_iter().chain(steps.into_iter().filter(is_sensible)).collect()
}

/// What the target begins with: random runs, and each case of the corpus as a greeting and as the answer to LIST and
/// RETR.
pub(crate) fn session_scripts() -> Vec<Vec<u8>> {
    let random = (0..60).map(|seed| [&[seed as u8][..], &random_steps(seed)].concat());
    let cases = seeds::quirks(Corpus::Pop3).into_iter().enumerate().flat_map(|(at, case)| {
        let said = [&[PIECE][..], &piece(&case)].concat();
        let greeted = [&[at as u8][..], &said, &LOG_IN[1..]].concat();
        let behind = [SUBMIT + 1, WRITE, SUBMIT + 14, WRITE, ANSWER];
        let listed = [&[at as u8][..], &LOG_IN, &behind[..2], &said, &behind[2..]].concat();
        let retrieved = [&[at as u8][..], &LOG_IN, &[SUBMIT + 5, WRITE], &said, &behind[2..]].concat();
        [greeted, listed, retrieved]
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
            let [first, steps @ ..] = &bytes[..] else { continue };
            let Reached { logged_in, completed, answers, committed } = run(*first, steps);
            assert!(logged_in <= 1, "logged in twice");
            all.logged_in += logged_in;
            all.completed += completed;
            all.answers += answers;
            all.committed += committed;
        }
        all
    }

    #[test]
    fn random_runs_pass_and_come_far() {
        let all = reached((0..5_000).map(|seed| [&[seed as u8][..], &random_steps(seed)].concat()));
        let Reached { logged_in, completed, answers, committed } = all;
        assert!(logged_in > 3_000 && completed > 20_000 && answers > 10_000 && committed > 100, "{all:?}");
    }

    #[test]
    fn seeds_log_in_and_are_answered() {
        let all = reached(Target::find("pop3_session").unwrap().seeds().into_iter());
        assert!(all.logged_in > 150 && all.completed > 200 && all.answers > 100, "{all:?}");
    }
}
