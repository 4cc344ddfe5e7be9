//! A message made ready: its envelope known, its header read, its text as it goes out.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use mail_proto::{
    LoneLineBreak, LoneLineBreaks,
    smtp::{Body, Extension, Extensions, client::Envelope},
};

use super::{
    content::{Content, Pieces, next_piece},
    envelope,
    header::{Header, HeaderEnd},
    invalid_mail::InvalidMail,
    line_breaks::LineBreaks,
    mail::{Mail, Recipient},
};
use crate::error::{Cause, Error, Result};

/// The longest header that is read into memory, in bytes: of a message that isn't there already.
const LONGEST_HEADER: usize = 4 << 20;

/// A message made ready.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) envelope: Envelope,
    /// What is known of its text.
    pub(super) text: VecDeque<Bytes>,
    /// What comes behind that, but while it is read.
    pub(super) rest: Mutex<Option<Rest>>,
    /// Whether there is 8-bit text; `None` if only its end will tell.
    eight_bit: Option<bool>,
}

/// What is still to be read of a message.
pub(super) struct Rest {
    /// `None` behind the last one.
    pieces: Option<Pieces>,
    breaks: Option<LineBreaks>,
    /// How many bytes the whole was to have, and how many were read.
    told: Option<u64>,
    read: u64,
    /// Whether 8-bit text may come.
    allows_eight_bit: bool,
    is_begun: bool,
}

impl Mail {
    /// Makes it ready, which takes reading its header.
    pub(super) async fn ready(self, lone_line_breaks: LoneLineBreaks) -> Result<Ready> {
        let Self { content, sender, recipients, notify, mut parameters, on_refusal, transfer } = self;
        let is_binary = parameters.body == Some(Body::BinaryMime);
        let (header, known, rest) = read_header(content).await?;
        let header = Header::new(header);
        // What was told needn't be there.
        let from = match sender {
            Some(sender) => sender,
            None => Some(envelope::sender(&header).map_err(invalid)?),
        };
        let to = match recipients {
            Some(recipients) => recipients,
            None => {
                let named = envelope::recipients(&header).map_err(invalid)?;
                named.into_iter().map(Recipient::from).collect()
            }
        };
        if to.is_empty() {
            return Err(invalid(InvalidMail::NoRecipients));
        }
        let to = to.into_iter().map(|Recipient { address, mut parameters }| {
            parameters.notify = parameters.notify.or(notify);
            (address, parameters)
        });
        let mut text = VecDeque::new();
        let mut breaks = (!is_binary).then(|| LineBreaks::new(lone_line_breaks));
        let read = header.len() as u64 + known.len() as u64;
        let kept = header.without_bcc();
        let dropped = header.len() - kept.iter().map(Bytes::len).sum::<usize>();
        for piece in kept {
            push(&mut text, proper(&mut breaks, piece)?);
            // What was taken out behind it doesn't join two lines.
            if let Some(breaks) = &mut breaks {
                push(&mut text, breaks.end_line().map_err(lone)?);
            }
        }
        push(&mut text, proper(&mut breaks, known)?);
        parameters.smtp_utf8 |= header.needs_utf8();
        let eight_bit_so_far = !text.iter().all(|piece| piece.is_ascii());
        let (rest, eight_bit) = match rest {
            None => {
                if let Some(breaks) = breaks {
                    push(&mut text, breaks.finish().map_err(lone)?);
                }
                parameters.size = Some(text.iter().map(|piece| piece.len() as u64).sum());
                (None, Some(eight_bit_so_far))
            }
            Some((pieces, told)) => {
                if let Some(told) = told {
                    check_len(told, read, false)?;
                }
                parameters.size = told.map(|told| told.saturating_sub(dropped as u64));
                let rest = Rest {
                    pieces: Some(pieces),
                    breaks,
                    told,
                    read,
                    allows_eight_bit: true,
                    is_begun: false,
                };
                (Some(rest), eight_bit_so_far.then_some(true))
            }
        };
        if (parameters.body, eight_bit) == (Some(Body::SevenBit), Some(true)) {
            return Err(invalid(InvalidMail::EightBit));
        }
        let mut envelope = Envelope::new(from, []);
        envelope.to = to.collect();
        envelope.parameters = parameters;
        envelope.on_refusal = on_refusal;
        envelope.transfer = transfer;
        Ok(Ready { envelope, text, rest: Mutex::new(rest), eight_bit })
    }
}

impl Ready {
    /// The envelope for a server that can do this.
    pub(super) fn envelope_for(&self, extensions: &Extensions) -> Envelope {
        let mut envelope = self.envelope.clone();
        let body = &mut envelope.parameters.body;
        if body.is_none() {
            *body = match self.eight_bit {
                Some(true) => Some(Body::EightBitMime),
                Some(false) => None,
                None => extensions.has(&Extension::EightBitMime).then_some(Body::EightBitMime),
            };
        }
        envelope
    }

    /// Whether nothing was read yet of what isn't kept.
    pub(super) fn is_whole(&self) -> bool {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(|rest| !rest.is_begun)
    }
}

/// The header, what was read of the text behind it, and what is still to be read, with the length that was told.
async fn read_header(content: Content) -> Result<(Bytes, Bytes, Option<(Pieces, Option<u64>)>)> {
    let mut end = HeaderEnd::default();
    let (mut pieces, len) = match content {
        Content::Bytes(mut text) => {
            let header = end.find(&text, true).unwrap_or(text.len());
            return Ok((text.split_to(header), text, None));
        }
        Content::Pieces { pieces, len } => (pieces, len),
    };
    let mut text = BytesMut::new();
    loop {
        let piece = next_piece(&mut pieces).await.map_err(source)?;
        let is_all = piece.is_none();
        text.extend_from_slice(&piece.unwrap_or_default());
        if let Some(header) = end.find(&text, is_all) {
            let header = text.split_to(header).freeze();
            let rest = (!is_all).then_some((pieces, len));
            if let (None, Some(told)) = (&rest, len) {
                check_len(told, (header.len() + text.len()) as u64, true)?;
            }
            return Ok((header, text.freeze(), rest));
        }
        if text.len() > LONGEST_HEADER {
            return Err(invalid(InvalidMail::HeaderTooLong { limit: LONGEST_HEADER }));
        }
    }
}

fn check_len(told: u64, read: u64, is_all: bool) -> Result<()> {
    if read > told || (is_all && read < told) {
        return Err(invalid(InvalidMail::Length { told, more: read > told }));
    }
    Ok(())
}

impl Rest {
    /// Says what the server was told that the text is.
    pub(super) fn expect(&mut self, body: Option<Body>) {
        self.allows_eight_bit = matches!(body, Some(Body::EightBitMime | Body::BinaryMime));
    }

    /// Whether anything was read of it.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// The next piece of the text, as it goes out; `None` behind the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        self.is_begun = true;
        while let Some(pieces) = &mut self.pieces {
            let Some(piece) = next_piece(pieces).await.map_err(source)? else {
                self.pieces = None;
                if let Some(told) = self.told.take() {
                    check_len(told, self.read, true)?;
                }
                let end = match self.breaks.take() {
                    Some(breaks) => breaks.finish().map_err(lone)?,
                    None => Bytes::new(),
                };
                return Ok(Some(end).filter(|end| !end.is_empty()));
            };
            self.read += piece.len() as u64;
            if let Some(told) = self.told {
                check_len(told, self.read, false)?;
            }
            if !self.allows_eight_bit && !piece.is_ascii() {
                return Err(invalid(InvalidMail::EightBit));
            }
            let piece = proper(&mut self.breaks, piece)?;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest").field("told", &self.told).field("read", &self.read).finish_non_exhaustive()
    }
}

/// A piece as it goes out.
fn proper(breaks: &mut Option<LineBreaks>, piece: Bytes) -> Result<Bytes> {
    match breaks {
        Some(breaks) => breaks.push(piece).map_err(lone),
        None => Ok(piece),
    }
}

fn push(text: &mut VecDeque<Bytes>, piece: Bytes) {
    if !piece.is_empty() {
        text.push_back(piece);
    }
}

pub(super) fn invalid(error: InvalidMail) -> Error {
    Error::new(Cause::Mail(error))
}

fn lone(error: LoneLineBreak) -> Error {
    invalid(error.into())
}

fn source(error: std::io::Error) -> Error {
    Error::new(Cause::Source(std::sync::Arc::new(error)))
}
