//! What became of a message, for each who was to get it.

use mail_proto::smtp::{Address, Reply};

/// A message that the server took, for one recipient at least.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "some recipients may have been refused"]
pub struct Sent {
    pub(super) reply: Reply,
    pub(super) recipients: Vec<RecipientOutcome>,
}

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipientOutcome {
    /// Who was to get it.
    pub address: Address,
    /// Whether the server took it.
    pub outcome: Outcome,
}

/// Whether the server took a message for a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It did, and answers for it from here on.
    Accepted(Reply),
    /// It refused the recipient, or the message as a whole: then this is what it said of that.
    Refused(Reply),
    /// The message wasn't sent to this recipient, for another reason: the error that it comes with.
    NotSent,
    /// All of the message was written, and the connection was lost before the answer: it may be accepted, or not. Sending
    /// it again may make two of it.
    Unknown,
}

impl Outcome {
    /// Whether the server took it.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// Whether the same may go well later, and can't make two messages of one: it wasn't taken, and the server didn't say
    /// 5xx.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(reply) => reply.code.is_transient(),
            Self::NotSent => true,
            Self::Accepted(_) | Self::Unknown => false,
        }
    }

    /// What the server said.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Accepted(reply) | Self::Refused(reply) => Some(reply),
            Self::NotSent | Self::Unknown => None,
        }
    }
}

impl Sent {
    /// What the server answered to the message's end. Many tell the number that it has in their queue.
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// What became of it for each recipient, in the envelope's order.
    pub fn recipients(&self) -> &[RecipientOutcome] {
        &self.recipients
    }

    /// Whether nobody was refused.
    pub fn is_complete(&self) -> bool {
        self.recipients.iter().all(|recipient| recipient.outcome.is_accepted())
    }

    /// Who was refused, and what the server said.
    pub fn refused(&self) -> impl Iterator<Item = (&Address, &Reply)> {
        self.recipients.iter().filter_map(|recipient| match &recipient.outcome {
            Outcome::Refused(reply) => Some((&recipient.address, reply)),
            _ => None,
        })
    }
}
