//! What the sessions of the three protocols have in common, for whoever moves their bytes.
//!
//! [`imap::client`](crate::imap::client), [`pop3::client`](crate::pop3::client) and
//! [`smtp::client`](crate::smtp::client) speak differently and are driven the same way: a [`ClientSession`] is fed
//! what was read and is told the time; it gives what is to be written, events, and the next deadline. One driver
//! serves all three:
//!
//! ```
//! use std::{io::{self, Read, Write}, time::Instant};
//! use mail_proto::session::{ClientSession, Step};
//!
//! /// Speaks until the login is done.
//! fn establish<S: ClientSession>(session: &mut S, mut socket: impl Read + Write) -> io::Result<()> {
//!     let mut piece = [0; 4096];
//!     loop {
//!         while let Some(event) = session.next_event().map_err(io::Error::other)? {
//!             match S::step(event) {
//!                 Step::Ready => return Ok(()),
//!                 Step::DeriveKey(derivation) => session.derived(&derivation.run()),
//!                 Step::StartTls => return Err(io::ErrorKind::Unsupported.into()),
//!                 Step::Event(_) => {}
//!             }
//!         }
//!         while let Some(bytes) = session.transmit() {
//!             socket.write_all(&bytes)?;
//!             session.transmitted(Instant::now());
//!         }
//!         match socket.read(&mut piece)? {
//!             0 => session.closed(),
//!             len => {
//!                 session.buffer().extend_from_slice(&piece[..len]);
//!                 session.received(Instant::now());
//!             }
//!         }
//!     }
//! }
//! ```

mod course;
mod login;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

pub(crate) use self::course::Course;
pub use self::login::{Login, Security};
use crate::sasl::{Derivation, SaltedPassword};

/// A connection at its client's side, without I/O and without a clock. See the [module](self).
pub trait ClientSession {
    /// What the session tells.
    type Event;
    /// Why a connection can't go on.
    type Error: std::error::Error + Clone + Send + Sync + 'static;

    /// Where to append what was read; then call [`received`](Self::received).
    fn buffer(&mut self) -> &mut BytesMut;

    /// Says that something was read, at this time.
    fn received(&mut self, now: Instant);

    /// Says that reading goes on at this time, after a while in which nobody read: the peer's silence begins now.
    fn reading_resumed(&mut self, now: Instant) {
        self.received(now);
    }

    /// The peer closed the connection: nothing more will be read.
    fn closed(&mut self);

    /// The next event, or `None` until more was read.
    ///
    /// # Errors
    /// The connection can't go on. Each further call fails the same way.
    fn next_event(&mut self) -> Result<Option<Self::Event>, Self::Error>;

    /// What an event asks of whoever moves the bytes.
    fn step(event: Self::Event) -> Step<Self::Event>;

    /// The next bytes to write, or `None` while there are none or something has to be waited for. What is returned
    /// counts as written. There are none behind the end.
    fn transmit(&mut self) -> Option<Bytes>;

    /// Says at which time what [`transmit`](Self::transmit) gave was written.
    fn transmitted(&mut self, now: Instant);

    /// Until when something has to be read, if a reply is due.
    fn deadline(&self) -> Option<Instant>;

    /// How long the reply that is due may keep silent.
    fn patience(&self) -> Option<Duration>;

    /// How long the peer may take nothing of what [`transmit`](Self::transmit) gave, while all it sends is read.
    fn write_patience(&self) -> Duration;

    /// What the login goes by. Changes count until it begins: what ties it to TLS is known only after the handshake,
    /// and is to be told before [`tls_established`](Self::tls_established).
    fn login(&mut self) -> &mut Login;

    /// The TLS handshake that [`Step::StartTls`] asked for is done. Nothing said before it counts.
    fn tls_established(&mut self);

    /// The outcome of [`Step::DeriveKey`].
    fn derived(&mut self, salted: &SaltedPassword);

    /// Whether the login is done and commands can be submitted.
    fn is_ready(&self) -> bool;

    /// Whether no command is on its way, or waits to be.
    fn is_idle(&self) -> bool;
}

/// What an event asks of whoever moves the bytes.
#[derive(Debug)]
pub enum Step<Event> {
    /// Do the TLS handshake now, before anything else is read or written, and call
    /// [`ClientSession::tls_established`].
    StartTls,
    /// The login needs a key that takes long to derive: run the derivation where it holds up nobody, and hand its
    /// outcome to [`ClientSession::derived`]. Only servers that ask for more than 16,384 iterations make this happen.
    DeriveKey(Derivation),
    /// The login is done.
    Ready,
    /// Something that is the protocol's own.
    Event(Event),
}
