//! What the server's SMTP is to be like.

use super::Builder;
use crate::capabilities::smtp::Offer;

impl Builder {
    /// The same as [`without_capability`](Self::without_capability) for SMTP: `PIPELINING` or `CHUNKING` for example.
    ///
    /// Without `PIPELINING`, or when it wasn't asked for by EHLO, a client that sends a command before it can have the
    /// answer to the one before is told so, and the connection is closed. Without `SIZE` a message may have any size,
    /// without `AUTH` anybody may send, without `8BITMIME` octets beyond ASCII are refused, without
    /// `ENHANCEDSTATUSCODES` replies have none.
    pub fn without_smtp_keyword(mut self, keyword: impl AsRef<str>) -> Self {
        self.smtp.offer.remove(keyword.as_ref());
        self
    }

    /// Shows a keyword more in EHLO's answer, and does what it stands for, if it is one that isn't there unasked:
    /// `BINARYMIME`, `REQUIRETLS`, or `SIZE 1000` for messages of at most 1,000 octets. One that the server doesn't know
    /// is shown all the same. The line takes the place of one that begins with the same keyword.
    pub fn with_smtp_keyword(mut self, line: impl Into<String>) -> Self {
        self.smtp.offer.add(line.into());
        self
    }

    /// Shows and does just these in SMTP, and STARTTLS on its port.
    pub fn smtp_keywords<S: Into<String>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.smtp.offer = Offer::only(lines);
        self
    }

    /// Answers RCPT for this address with a refusal: `550 5.1.1 no such user`, `450 4.2.1 try later`,
    /// `552 5.2.2 mailbox full`. Others are taken: who is a [user](Self::user), by the whole address or by what stands
    /// before its `@`, gets what is sent in INBOX, anyone else only in [`Server::submissions`]. A user whose
    /// [quota](Self::quota) is used up is refused with `552` unasked.
    ///
    /// [`Server::submissions`]: crate::Server::submissions
    pub fn refuse_recipient(mut self, address: impl AsRef<str>, reply: impl Into<String>) -> Self {
        self.smtp.refusals.insert(address.as_ref().to_ascii_lowercase(), reply.into());
        self
    }

    /// How many recipients a message may have, 1,000 unless told; one more is answered with `452 4.5.3`.
    pub fn max_recipients(mut self, most: usize) -> Self {
        self.smtp.max_recipients = most;
        self
    }

    /// What AUTH is answered with when the user has [as many connections as allowed](Self::max_connections_per_user);
    /// `421 4.7.0 Too many concurrent connections` unless told, and Exchange says
    /// `432 4.3.2 Concurrent connections limit exceeded`. After `421` the connection is closed.
    pub fn smtp_limit_reply(mut self, reply: impl Into<String>) -> Self {
        self.smtp.over_limit = reply.into();
        self
    }
}
