//! DATA and BDAT: the message itself.

use mail_proto::smtp::{Body, Event, Reply};

use super::envelope::{Transaction, no_room};
use super::octets::Content;
use super::reply::reply;
use super::{End, Session};
use crate::hook::When;
use crate::store::Message;
use crate::submission::Submission;

impl Session<'_> {
    pub(super) async fn data(&mut self) -> Result<Reply, End> {
        let Some(transaction) = &self.transaction else {
            return Ok(reply("503 5.5.1 begin with MAIL"));
        };
        if transaction.recipients.is_empty() {
            return Ok(reply("554 5.5.1 no recipient was accepted"));
        }
        if transaction.chunks > 0 {
            return Ok(reply("503 5.5.1 the message came by BDAT so far"));
        }
        if transaction.parameters.body == Some(Body::BinaryMime) {
            return Ok(reply("503 5.5.1 BINARYMIME goes by BDAT"));
        }
        self.say(reply("354 end with a dot on a line of its own"));
        self.reader.expect_data();
        let mut content = Content::default();
        self.receive(&mut content).await?;
        let refused = self.message_came(content.octets).await?;
        let Some(transaction) = self.transaction.take() else { return Err(End::Cut) };
        Ok(refused.unwrap_or_else(|| self.accept(transaction, content, None)))
    }

    /// BDAT (RFC 3030). The chunk is read whatever becomes of it: it would be taken for commands.
    pub(super) async fn chunk(
        &mut self,
        size: u64,
        last: bool,
        refused: Option<Reply>,
    ) -> Result<Reply, End> {
        let mut content =
            self.transaction.as_mut().map(|transaction| std::mem::take(&mut transaction.content));
        self.reader.expect_chunk(size);
        self.receive(content.get_or_insert_default()).await?;
        let refused = match refused {
            None if last => self.message_came(content.as_ref().map_or(0, |content| content.octets)).await?,
            refused => refused,
        };
        let refused = refused.or_else(|| self.refuses_chunk());
        let (None, Some(mut transaction), Some(content)) = (&refused, self.transaction.take(), content)
        else {
            // The chunks that are already on their way get the same answer.
            self.transaction = None;
            return Ok(refused.unwrap_or_else(|| reply("503 5.5.1 begin with MAIL")));
        };
        transaction.chunks += 1;
        if last {
            let chunks = transaction.chunks;
            return Ok(self.accept(transaction, content, Some(chunks)));
        }
        if let Some(refused) = self.is_too_large(content.octets) {
            return Ok(refused);
        }
        transaction.content = content;
        self.transaction = Some(transaction);
        Ok(reply(format!("250 2.0.0 {size} octets received")))
    }

    fn refuses_chunk(&self) -> Option<Reply> {
        if !self.extends("CHUNKING") {
            return Some(reply("502 5.5.1 BDAT isn't known here"));
        }
        let transaction = self.transaction.as_ref()?;
        transaction.recipients.is_empty().then(|| reply("554 5.5.1 no recipient was accepted"))
    }

    /// Reads up to the end of the message, or of the chunk. A client that leaves amid it has sent nothing.
    async fn receive(&mut self, content: &mut Content) -> Result<(), End> {
        let limit = self.shared.smtp.offer.size();
        loop {
            match self.next_event().await? {
                Some(Event::Chunk(piece)) => content.push(piece, limit),
                Some(Event::End { lone_line_break }) => {
                    content.lone_line_break |= lone_line_break;
                    return Ok(());
                }
                _ => return Err(End::Cut),
            }
        }
    }

    /// Does what is ordered for the moment when a message has come; the answer if it is refused.
    async fn message_came(&mut self, octets: u64) -> Result<Option<Reply>, End> {
        self.at_end = true;
        self.seat.saw(format!(". ({octets} octets)"));
        self.run_hooks(When::Before, ".");
        self.fault(".").await
    }

    fn is_too_large(&self, octets: u64) -> Option<Reply> {
        let limit = self.shared.smtp.offer.size().filter(|limit| octets > *limit)?;
        Some(reply(format!("552 5.3.4 a message may have {limit} octets")))
    }

    /// Delivers a message to all its recipients, or to none.
    fn accept(&self, transaction: Transaction, content: Content, chunks: Option<u32>) -> Reply {
        if let Some(refused) = self.is_too_large(content.octets) {
            return refused;
        }
        let is_binary = transaction.parameters.body == Some(Body::BinaryMime);
        let has_lone_line_break = content.lone_line_break;
        let message = content.join();
        // The next server might take it for a line end, and what follows a lone dot for commands.
        if has_lone_line_break || !is_binary && lone_line_break(&message) {
            return reply("554 5.6.0 a carriage return or line feed stands alone");
        }
        let may_have_8_bits = transaction.parameters.body != Some(Body::SevenBit) && self.extends("8BITMIME");
        if !may_have_8_bits && !is_binary && !message.is_ascii() {
            return reply("554 5.6.3 the message has octets beyond ASCII");
        }
        let octets = message.len() as u64;
        if transaction.accounts.iter().any(|account| account.is_over_quota_with(octets, 1)) {
            return no_room();
        }
        for account in &transaction.accounts {
            if let Err(error) = account.deliver("INBOX", Message::from(message.clone())) {
                return reply(format!("451 4.3.0 {error}"));
            }
        }
        let Transaction { from, parameters, recipients, .. } = transaction;
        let number = self.shared.smtp.submissions.add(Submission {
            connection: self.seat.number(),
            at: self.shared.ledger.elapsed(),
            user: self.user.as_ref().map(|account| account.user().to_owned()),
            from,
            parameters,
            recipients,
            chunks,
            message,
        });
        reply(format!("250 2.0.0 queued as {number}"))
    }
}

fn lone_line_break(message: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', message).any(|at| match message[at] {
        b'\r' => message.get(at + 1) != Some(&b'\n'),
        _ => at == 0 || message[at - 1] != b'\r',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_that_stand_alone_are_found() {
        for text in ["", "a", "\r\n", "a\r\n\r\nb\r\n"] {
            assert!(!lone_line_break(text.as_bytes()), "{text:?}");
        }
        for text in ["\n", "\r", "a\nb", "a\rb", "\r\r\n", "\r\n\n", "a\r\n\r"] {
            assert!(lone_line_break(text.as_bytes()), "{text:?}");
        }
    }
}
