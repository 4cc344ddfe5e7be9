//! A POP3 session against a server that says anything, while its user does anything.

use std::collections::VecDeque;

use bytes::BytesMut;
use mail_proto::pop3::{
    AnswerForm, Command, CommandReader,
    client::{CommandId, Config, Credentials, Event, Loss, Session},
};

use crate::{
    random::Random,
    script::{self, CLOSE, PIECE, Play, Stage, TLS, WRITE},
    seeds::{self, Corpus},
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

// Steps that scripts are made of, besides those of all scripts.
const GREETING: u8 = 32;
const ANSWER: u8 = 96;
const SUBMIT: u8 = 144;
const CANCEL: u8 = 208;

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

#[derive(Default)]
struct Pop3 {
    /// What the server reads.
    server: Server,
    /// Commands that the server has read and not answered; none for what isn't a command.
    asked: VecDeque<Option<Command>>,
    /// The user asked for QUIT, and what is marked goes with it.
    may_commit: bool,
    reached: Reached,
}

struct Server(CommandReader);

impl Default for Server {
    fn default() -> Self {
        Self(CommandReader::new(64 << 10))
    }
}

fn run(first: u8, steps: &[u8]) -> Reached {
    let security = script::security(first);
    let mut config = Config::new(security, Credentials::password("kim", PASSWORD));
    config.utf8 = first & 16 != 0;
    config.pipeline = 1 + usize::from(first >> 6) * 4;
    script::play(Pop3::default(), security, |now| Session::new(config, now), steps).reached
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

impl Play for Pop3 {
    type Session = Session;
    type Id = CommandId;

    fn step(stage: &mut Stage<Self>, step: u8, steps: &mut Steps<'_>) -> bool {
        match step {
            // Anything at all.
            0..GREETING => stage.hear(steps.take(usize::from(step) + 1)),
            GREETING..ANSWER => stage.hear(SAID[usize::from(step - GREETING) % SAID.len()]),
            ANSWER..SUBMIT => {
                if let Some(asked) = stage.play.asked.pop_front() {
                    stage.hear(&answer(asked.as_ref(), step - ANSWER));
                }
            }
            SUBMIT..CANCEL => submit(stage, step - SUBMIT),
            CANCEL..TLS => stage.cancel(step),
            _ => return false,
        }
        true
    }

    fn server(&mut self) -> &mut BytesMut {
        self.server.0.buffer()
    }

    fn read(stage: &mut Stage<Self>) {
        while let Ok(Some(line)) = stage.play.server.0.next_line() {
            let command = Command::parse(line).ok();
            if command == Some(Command::Quit) {
                let marked = stage.session.marked_as_deleted();
                assert!(stage.play.may_commit || marked == 0, "{marked} deletions are committed unasked");
                stage.play.reached.committed += marked;
            }
            stage.play.asked.push_back(command);
        }
    }

    fn restart(&mut self) {
        self.server = Server::default();
        self.asked.clear();
    }

    fn is_harmless(bytes: &[u8]) -> bool {
        bytes == b"STLS\r\n"
    }

    fn ready(&mut self) {
        self.reached.logged_in += 1;
    }

    fn event(stage: &mut Stage<Self>, event: Event) {
        match event {
            Event::Item { id, .. } | Event::Unreadable { id, .. } => {
                stage.told(id);
                stage.play.reached.answers += 1;
            }
            Event::Chunk { id, bytes } => {
                assert!(!bytes.is_empty(), "an empty chunk");
                stage.told(id);
                stage.play.reached.answers += 1;
            }
            Event::Completed { id, .. } => {
                stage.completed(id);
                stage.play.reached.completed += 1;
            }
            _ => {}
        }
    }

    fn cancel(session: &mut Session, id: CommandId) -> bool {
        session.cancel(id)
    }

    fn lost(stage: &mut Stage<Self>) -> Vec<CommandId> {
        let lost = stage.session.take_lost();
        let unknown = lost.iter().any(|(_, loss)| *loss == Loss::OutcomeUnknown);
        assert!(!unknown || stage.play.may_commit, "an unknown outcome without a QUIT");
        lost.into_iter().map(|(id, _)| id).collect()
    }
}

fn submit(stage: &mut Stage<Pop3>, choice: u8) {
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
            let id = stage.session.leave();
            return stage.submitted(id);
        }
        _ => {
            stage.play.may_commit = true;
            Command::Quit
        }
    };
    let id = stage.session.submit(command);
    stage.submitted(id);
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
