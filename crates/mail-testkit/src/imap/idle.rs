//! IDLE (RFC 2177): news as it comes.

use mail_proto::frame::Event;
use mail_proto::imap::response::Response;

use super::{End, Outcome, Session, bad, done};

impl Session<'_> {
    pub(super) async fn idle(&mut self) -> Outcome {
        let Some(mut changes) = self.user.as_ref().map(|user| user.changes.clone()) else {
            return Ok(bad("log in first"));
        };
        self.put(Response::Continue { text: "idling".into() }.encode());
        loop {
            changes.mark_unchanged();
            self.tell_news(true)?;
            let event = tokio::select! {
                event = self.next_event() => event?,
                // The account lives as long as the session, so this says only that there is news.
                _ = changes.changed() => continue,
            };
            return match event {
                None => Err(End::Cut),
                Some(Event::Segment(segment))
                    if segment.bytes.trim_ascii_end().eq_ignore_ascii_case(b"DONE") =>
                {
                    Ok(done())
                }
                Some(_) => Ok(bad("DONE was expected")),
            };
        }
    }
}
