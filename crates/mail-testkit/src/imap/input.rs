//! Reading commands: whole ones, literals asked for.

use bytes::{Bytes, BytesMut};
use mail_proto::frame::{Event, Limits, Segment};
use mail_proto::imap::StatusKind;
use mail_proto::imap::response::{Response, Untagged};

use super::{End, Session, Status};

/// Literals above this size come as a stream: the messages of APPEND, and nothing else.
const KEPT_LITERAL: usize = 16 * 1024;
/// The largest message taken.
const LARGEST: u64 = 1 << 30;

pub(super) fn limits() -> Limits {
    Limits { kept_literal: KEPT_LITERAL, literal: LARGEST, ..Limits::COMMANDS }
}

impl Session<'_> {
    /// The next command up to its end, or up to a streamed literal; `None` when the client has left.
    pub(super) async fn next_command(&mut self) -> Result<Option<Segment>, End> {
        loop {
            match self.next_event().await? {
                None => return Ok(None),
                Some(Event::Segment(segment)) => return Ok(Some(segment)),
                Some(Event::LiteralWaits { .. }) => match self.refuses_announced(self.framer.partial()) {
                    None => self.ask_for_literal(),
                    refused => {
                        let bytes = Bytes::copy_from_slice(self.framer.partial());
                        self.framer.refuse_literal();
                        self.refused_early = refused;
                        return Ok(Some(Segment { bytes, continues: false, streamed: None }));
                    }
                },
                // What belongs to a streamed literal was read with its command.
                Some(_) => {}
            }
        }
    }

    /// The octets of the streamed literal that the segment announced, and the end of the command behind it. `None` if
    /// the client left amid it.
    pub(super) async fn streamed(&mut self, len: u64) -> Result<Option<(Bytes, Segment)>, End> {
        let mut content = BytesMut::new();
        loop {
            match self.next_event().await? {
                None => return Ok(None),
                Some(Event::LiteralWaits { .. }) => self.ask_for_literal(),
                Some(Event::Chunk(chunk)) => content.extend_from_slice(&chunk),
                Some(Event::Segment(rest)) => {
                    debug_assert_eq!(content.len() as u64, len, "the framer counts");
                    return Ok(Some((content.freeze(), rest)));
                }
                Some(_) => {}
            }
        }
    }

    /// Gets past the streamed literal of a command that isn't carried out.
    pub(super) async fn skip_literal(&mut self, segment: &Segment) -> Result<(), End> {
        let mut streamed = segment.streamed;
        while streamed.is_some() {
            match self.next_event().await? {
                None => return Err(End::Cut),
                Some(Event::LiteralWaits { .. }) => {
                    self.framer.refuse_literal();
                    return Ok(());
                }
                Some(Event::Segment(rest)) => streamed = rest.streamed,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Whether every literal of the command is of a kind that the client was told of.
    pub(super) fn takes_literals_of(&self, segment: &Segment) -> bool {
        let largest = match &self.shared.offer {
            offer if offer.has("LITERAL+") => return true,
            offer if offer.has("LITERAL-") => 4096,
            // No literal may be sent unasked, not even an empty one.
            _ => return unasked(&segment.bytes).next().is_none(),
        };
        unasked(&segment.bytes).all(|len| len <= largest)
    }

    /// What comes next; what is queued is sent before waiting for it.
    pub(super) async fn next_event(&mut self) -> Result<Option<Event>, End> {
        loop {
            match self.framer.next_event() {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(error) => {
                    self.say(Untagged::Status(Status::new(StatusKind::Bye, error.to_string())));
                    return Err(End::Said);
                }
            }
            self.channel.flush().await?;
            if self.channel.read(self.framer.buffer()).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn ask_for_literal(&mut self) {
        self.put(Response::Continue { text: Bytes::from_static(b"go on") }.encode());
    }
}

/// The lengths of the literals in a frame that came without being asked for.
fn unasked(frame: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = frame;
    std::iter::from_fn(move || {
        loop {
            let end = memchr::memchr(b'\n', rest)?;
            let (line, behind) = rest.split_at(end + 1);
            rest = behind;
            let line = line.strip_suffix(b"\n")?;
            let Some(head) = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}") else { continue };
            let Some(open) = memchr::memrchr(b'{', head) else { continue };
            let digits = &head[open + 1..];
            let number = digits.strip_suffix(b"+").unwrap_or(digits);
            let Some(len) = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()) else {
                continue;
            };
            rest = rest.get(usize::try_from(len).unwrap_or(usize::MAX)..).unwrap_or_default();
            if number.len() < digits.len() {
                return Some(len);
            }
        }
    })
}
