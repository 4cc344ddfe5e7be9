//! The same clients for programs without async: each call returns when it is done, streams are iterators, bodies are
//! [`std::io::Read`].
//!
//! ```no_run
//! use mail_client::blocking::ImapClient;
//! use mail_client::imap::{FetchItems, SequenceSet};
//!
//! # fn main() -> mail_client::Result<()> {
//! let client = ImapClient::builder("imap.example.org", "kim").password("secret").build_blocking()?;
//! let inbox = client.examine("INBOX")?;
//! for message in inbox.fetch(SequenceSet::all(), FetchItems::new().flags().body()) {
//!     let message = message?;
//!     println!("{}: {} bytes", message.uid(), message.into_body().bytes()?.len());
//! }
//! client.close();
//! # Ok(())
//! # }
//! ```
//!
//! A client is set up with the builder of its async sister, which ends in `build_blocking` instead of `build`. Its
//! operations are those of that sister, by the same names and with the same arguments, results, errors and deadlines;
//! their documentation is there.
//!
//! # Threads and connections
//! Any number of threads may call at once; nothing is ever busy. What a task is to the async clients, a thread is to
//! these: a [default connection](imap::ImapClient::create_default_connection) belongs to the thread that made it, and
//! goes back to the pool when its guard is dropped or the thread ends, whichever comes first. With
//! [`Assignment::Default`](crate::imap::Assignment::Default) each thread that calls has one by itself. On threads that are
//! borrowed, from a pool of threads or a web server, [`scope`](imap::ImapClient::scope) gives back at its end what the
//! thread has had within it, so that the next job there finds none of it. A job of tokio's `spawn_blocking` counts as a
//! thread of its own.
//!
//! A [begun](imap::ImapClient::begin) operation runs on a new thread as soon as there is a connection for it.
//!
//! # Where the work is done
//! On the thread that waits: while it does, it takes in what comes for all blocking clients of the process, so that a
//! call wakes no other thread, and costs about what it costs in async code. One thread does so at a time, for the others
//! that wait as well. While none does, a thread of our own looks after connections, 16 ms after the last call at the
//! latest; it starts with the first client and never ends. So a client, and whatever was made with it, may be dropped
//! anywhere, in a panic or amid the exit of a thread: its connections log out in the background. At the end of the
//! process nobody waits for that; call `close` first where a goodbye matters.
//!
//! A [`TokenProvider`](crate::TokenProvider) may block: it is asked on a thread of its own. A
//! [`Connector`](crate::transport::Connector) of one's own mustn't, as it holds up all connections.
//!
//! # Among async code
//! A blocking call inside an async task would hold up the other tasks of its thread, so it isn't made: it fails with
//! [`ErrorKind::CannotBlock`](crate::ErrorKind::CannotBlock), which names the place of the call. (Few calls have no way to
//! fail, such as `close` and the iterator of `send_many`; those are made all the same.) Use the async client there, which
//! [`to_async`](imap::ImapClient::to_async) gives, or make the call inside tokio's `spawn_blocking` or `block_in_place`,
//! where it leaves the work to other threads. In a process that was forked off, clients from before don't work, and say so
//! by the same error.
//!
//! What is handed to a call as an iterator, or as a reader that is async, may be taken while that waits. It can't make
//! calls of its own then, which fail in the same way, or do nothing if they have no way to fail. The messages of
//! [`send_many`](smtp::SmtpClient::send_many) can, and so can whatever implements [`Read`](std::io::Read).

mod client;
mod facade;
pub mod imap;
#[cfg(test)]
mod interleavings;
mod operation;
pub mod pop3;
mod reader;
mod runtime;
mod seat;
pub mod smtp;
mod source;
mod sync;
mod thread_bound;
mod tokens;
mod wait;
mod wanted;

pub use self::{imap::ImapClient, operation::Pending, pop3::Pop3Client, smtp::SmtpClient};
