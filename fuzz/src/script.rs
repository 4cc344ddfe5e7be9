//! What a script plays: a session, its user, who does anything, and a server that says anything.
//!
//! What is the same for all three protocols happens and is checked here: the clock, TLS, the end of the connection, and
//! that every command ends once.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mail_proto::session::{ClientSession, Security, Step};

use crate::{shown, steps::Steps};

// Steps that mean the same in all scripts.
pub(crate) const TLS: u8 = 224;
const CLOCK: u8 = 236;
pub(crate) const CLOSE: u8 = 240;
pub(crate) const PIECE: u8 = 245;
pub(crate) const WRITE: u8 = 255;

/// What is a protocol's own.
pub(crate) trait Play: Sized {
    type Session: ClientSession<Error: Debug + PartialEq>;
    type Id: Copy + Debug + Ord;

    /// A step that isn't the same in all scripts. False if it means nothing here.
    fn step(stage: &mut Stage<Self>, step: u8, steps: &mut Steps<'_>) -> bool;

    /// The server says this, asked or not.
    fn say(stage: &mut Stage<Self>, bytes: &[u8]) {
        stage.hear(bytes);
    }

    /// What the server has to read.
    fn server(&mut self) -> &mut BytesMut;

    /// The server reads.
    fn read(stage: &mut Stage<Self>);

    /// The server begins anew, behind TLS.
    fn restart(&mut self);

    /// Whether this may be written before TLS.
    fn is_harmless(bytes: &[u8]) -> bool;

    fn ready(&mut self);

    fn event(stage: &mut Stage<Self>, event: <Self::Session as ClientSession>::Event);

    fn cancel(session: &mut Self::Session, id: Self::Id) -> bool;

    /// The commands that the end left without an answer. What the session says of each is checked.
    fn lost(stage: &mut Stage<Self>) -> Vec<Self::Id>;
}

pub(crate) struct Stage<P: Play> {
    pub(crate) play: P,
    pub(crate) session: P::Session,
    now: Instant,
    /// Submitted, and not yet ended.
    on_their_way: BTreeSet<P::Id>,
    /// Before TLS, where TLS is a must.
    in_the_clear: bool,
    /// The session asked for the TLS handshake.
    handshake: bool,
}

/// How the first byte of an input protects the connection.
pub(crate) fn security(choice: u8) -> Security {
    match choice % 3 {
        0 => Security::ImplicitTls,
        1 => Security::StartTls,
        _ => Security::Plaintext,
    }
}

/// Plays a script to its end; what became of the play.
pub(crate) fn play<P: Play>(
    play: P,
    security: Security,
    session: impl FnOnce(Instant) -> P::Session,
    steps: &[u8],
) -> P {
    let now = Instant::now();
    let in_the_clear = security == Security::StartTls;
    let session = session(now);
    let mut stage =
        Stage { play, session, now, on_their_way: BTreeSet::new(), in_the_clear, handshake: false };
    let mut steps = Steps(steps);
    while let Some(step) = steps.next() {
        stage.step(step, &mut steps);
        if let Err(error) = stage.events() {
            return stage.end(&error);
        }
    }
    stage.session.closed();
    let error = stage.events().expect_err("the end of a closed session");
    stage.end(&error)
}

impl<P: Play> Stage<P> {
    fn step(&mut self, step: u8, steps: &mut Steps<'_>) {
        match step {
            PIECE => P::say(self, steps.piece()),
            TLS..CLOCK if self.handshake => {
                (self.handshake, self.in_the_clear) = (false, false);
                self.play.restart();
                self.session.tls_established();
            }
            CLOCK..CLOSE => {
                self.now += Duration::from_secs(u64::from(step));
                self.session.reading_resumed(self.now);
                let due = self.session.deadline();
                assert_eq!(due.is_some(), self.session.patience().is_some());
            }
            CLOSE => self.session.closed(),
            step => {
                if !P::step(self, step, steps) {
                    self.write();
                }
            }
        }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        self.session.buffer().extend_from_slice(bytes);
        self.session.received(self.now);
    }

    /// Writes all there is to write, and has the server read it.
    fn write(&mut self) {
        while let Some(bytes) = self.session.transmit() {
            assert!(!bytes.is_empty(), "nothing is given to be written");
            assert!(!self.in_the_clear || P::is_harmless(&bytes), "in the clear: {}", shown(&bytes));
            self.play.server().extend_from_slice(&bytes);
        }
        self.session.transmitted(self.now);
        P::read(self);
    }

    fn events(&mut self) -> Result<(), <P::Session as ClientSession>::Error> {
        while let Some(event) = self.session.next_event()? {
            match P::Session::step(event) {
                Step::StartTls => {
                    assert!(self.in_the_clear && !self.handshake, "an unasked handshake");
                    self.handshake = true;
                }
                Step::DeriveKey(derivation) => self.session.derived(&derivation.run()),
                Step::Ready => {
                    assert!(!self.in_the_clear, "ready before TLS");
                    self.play.ready();
                }
                Step::Event(event) => P::event(self, event),
            }
        }
        Ok(())
    }

    /// The user has submitted something.
    pub(crate) fn submitted(&mut self, id: P::Id) {
        assert!(self.on_their_way.insert(id), "an id is used twice");
    }

    /// What was on its way never was, and nothing more is said of it.
    pub(crate) fn forget(&mut self, id: P::Id) {
        assert!(self.on_their_way.remove(&id), "what wasn't on its way is taken back");
    }

    /// The user cancels one of what is on its way.
    pub(crate) fn cancel(&mut self, choice: u8) {
        let ids: Vec<_> = self.on_their_way.iter().copied().collect();
        if let Some(&id) = ids.get(usize::from(choice) % ids.len().max(1))
            && P::cancel(&mut self.session, id)
        {
            self.on_their_way.remove(&id);
        }
    }

    /// Something is told of this command.
    pub(crate) fn told(&self, id: P::Id) {
        assert!(self.on_their_way.contains(&id), "data for a command that isn't on its way");
    }

    pub(crate) fn completed(&mut self, id: P::Id) {
        assert!(self.on_their_way.remove(&id), "a command ends that isn't on its way");
    }

    fn end(mut self, error: &<P::Session as ClientSession>::Error) -> P {
        assert_eq!(self.session.next_event().err().as_ref(), Some(error), "the error changes");
        for id in P::lost(&mut self) {
            assert!(self.on_their_way.remove(&id), "a command is lost that isn't on its way");
        }
        assert!(self.on_their_way.is_empty(), "commands without an end: {:?}", self.on_their_way);
        assert!(P::lost(&mut self).is_empty(), "lost twice");
        self.play
    }
}
