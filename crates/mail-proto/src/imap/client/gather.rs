//! A large literal that isn't a message's body: gathered, and read as if it had lain in its frame.

use bytes::{Bytes, BytesMut};

use crate::{
    error::ParseError,
    frame::Segment,
    imap::response::{Parsed, Reader, Response, Untagged},
};

/// Up to this size a response is gathered, and the body of an unknown message is held.
pub(super) const HELD: u64 = 8 << 20;

/// Segments and literals of a response that are read once they are together.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    bytes: Held,
    /// Whether the first of the segments goes on behind a body.
    continues: bool,
    /// The reader as it was before the first of them.
    reader: Reader,
    /// The bytes of the literals.
    literals: u64,
}

#[derive(Default)]
struct Held(BytesMut);

/// Shows how much there is, never what.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({})", self.0.len())
    }
}

/// What came of a segment.
pub(super) enum Read {
    /// This, and if a literal follows it, that is a body, or too large to be gathered.
    Response(Result<Parsed<Response>, ParseError>),
    /// Nothing yet: the literal that follows is gathered.
    Gather(Gathering),
}

impl Gathering {
    pub(super) fn chunk(&mut self, bytes: &Bytes) {
        self.bytes.0.extend_from_slice(bytes);
    }

    /// Reads a segment, behind what was gathered if anything was.
    pub(super) fn read(gathered: Option<Self>, segment: Segment, reader: &mut Reader) -> Read {
        let (segment, literals) = match gathered {
            Some(Self { bytes: Held(mut bytes), continues, reader: before, literals }) => {
                bytes.extend_from_slice(&segment.bytes);
                *reader = before;
                (Segment { bytes: bytes.freeze(), continues, streamed: segment.streamed }, literals)
            }
            None => (segment, 0),
        };
        let Some(len) = segment.streamed else { return Read::Response(reader.segment(segment)) };
        let (before, frame, continues) = (reader.clone(), segment.bytes.clone(), segment.continues);
        let read = reader.segment(segment);
        let is_body = matches!(
            &read,
            Ok(Parsed { value: Response::Untagged(Untagged::Fetch(fetch)), .. })
                if fetch.streamed().is_some_and(|streamed| streamed.section.is_some())
        );
        if is_body || literals.saturating_add(len) > HELD {
            return Read::Response(read);
        }
        *reader = before.clone();
        let bytes = Held(frame.try_into_mut().unwrap_or_else(|frame| BytesMut::from(&frame[..])));
        Read::Gather(Self { bytes, continues, reader: before, literals: literals + len })
    }
}
