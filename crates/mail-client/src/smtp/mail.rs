//! A message that is to be sent, and to whom.

use std::{fmt, io};

use bytes::Bytes;
use futures_core::Stream;
use mail_proto::smtp::{
    Address, Body, MailParameters, Notify, RcptParameters, Ret,
    client::{OnRefusal, Transfer},
};
use tokio::io::AsyncRead;

use super::content::{Content, pieces_of};

/// A message and its envelope: who sends it, to whom, and how (RFC 5321 section 2.3.1).
///
/// The envelope is what the header says, unless told: the sender is `Sender`, or else `From`; the recipients are all in
/// `To`, `Cc` and `Bcc`, each once. In a message that was sent on (RFC 5322 section 3.6.6) the last block of `Resent-`
/// fields counts instead of them. `Bcc` and `Resent-Bcc` are taken out before the message goes, and nothing else is
/// changed in it: no field is added, and none reordered.
///
/// ```
/// use mail_client::smtp::{Address, Mail};
///
/// let mail = Mail::new("From: kim@example.org\r\nTo: Bob <bob@example.com>\r\nSubject: hi\r\n\r\nHello!\r\n");
///
/// // The same text, for somebody else.
/// let copy = Mail::new("From: kim@example.org\r\nTo: Bob <bob@example.com>\r\nSubject: hi\r\n\r\nHello!\r\n")
///     .to([Address::new("alice@example.com")?]);
/// # Ok::<(), mail_client::smtp::ArgumentError>(())
/// ```
///
/// # Line breaks
/// Lines end in CRLF on their way. A CR or LF that stands alone becomes one, so that no server can take what follows
/// for a command, or for another message (SMTP smuggling); the
/// [builder](super::SmtpClientBuilder::lone_line_breaks) may have such messages refused instead. A message whose last
/// line has no end gets one. A [binary](Body::BinaryMime) one goes as it is.
pub struct Mail {
    pub(super) content: Content,
    /// `None`: as the header says.
    pub(super) sender: Option<Option<Address>>,
    /// `None`: as the header says.
    pub(super) recipients: Option<Vec<Recipient>>,
    pub(super) notify: Option<Notify>,
    pub(super) parameters: MailParameters,
    pub(super) on_refusal: OnRefusal,
    pub(super) transfer: Transfer,
}

/// Who gets a message, and what is to be reported of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub(super) address: Address,
    pub(super) parameters: RcptParameters,
}

impl Recipient {
    /// A recipient of whom nothing special is to be reported.
    pub fn new(address: Address) -> Self {
        Self { address, parameters: RcptParameters::default() }
    }

    /// What is to be reported to the sender (DSN's NOTIFY, RFC 3461 section 4.1).
    #[must_use]
    pub fn notify(mut self, notify: Notify) -> Self {
        self.parameters.notify = Some(notify);
        self
    }

    /// The address that the message was sent to at first, of this type, `rfc822` say (DSN's ORCPT, RFC 3461 section
    /// 4.2).
    #[must_use]
    pub fn original(mut self, kind: impl Into<Bytes>, address: impl Into<Bytes>) -> Self {
        self.parameters.original = Some((kind.into(), address.into()));
        self
    }

    /// The address.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl From<Address> for Recipient {
    fn from(address: Address) -> Self {
        Self::new(address)
    }
}

impl Mail {
    /// A message that is all there.
    pub fn new(message: impl Into<Bytes>) -> Self {
        Self::of(Content::Bytes(message.into()))
    }

    /// A message that is read as it is sent, in constant memory but for its header. If `len` says how many bytes it has,
    /// a server that takes fewer is told nothing of it, and if there turn out to be more or fewer, the connection is cut
    /// before the message's end, so that no server accepts half of it; the same happens if the reader fails.
    ///
    /// Whether it is 8-bit is known only at its end. Servers with 8BITMIME are told that it is; for others see
    /// [`body`](Self::body).
    pub fn from_reader(reader: impl AsyncRead + Send + 'static, len: impl Into<Option<u64>>) -> Self {
        Self::of(Content::Pieces { pieces: pieces_of(reader), len: len.into() })
    }

    /// The same for a message that comes in pieces.
    pub fn from_stream(
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        len: impl Into<Option<u64>>,
    ) -> Self {
        Self::of(Content::Pieces { pieces: Box::pin(stream), len: len.into() })
    }

    fn of(content: Content) -> Self {
        Self {
            content,
            sender: None,
            recipients: None,
            notify: None,
            parameters: MailParameters::default(),
            on_refusal: OnRefusal::default(),
            transfer: Transfer::default(),
        }
    }

    /// Who gets reports, whatever the header says; `None` for nobody, as of reports themselves.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<Option<Address>>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Who gets it, whatever the header says. `Bcc` is taken out all the same.
    #[must_use]
    pub fn to<R: Into<Recipient>>(mut self, recipients: impl IntoIterator<Item = R>) -> Self {
        self.recipients = Some(recipients.into_iter().map(Into::into).collect());
        self
    }

    /// What a refused recipient means for the others: they get it, unless told.
    #[must_use]
    pub fn on_refusal(mut self, on_refusal: OnRefusal) -> Self {
        self.on_refusal = on_refusal;
        self
    }

    /// What the message is made of, if it isn't to be found out by looking.
    ///
    /// [`Body::EightBitMime`] makes a server without 8BITMIME (RFC 6152) an error before anything is sent, and
    /// [`Body::BinaryMime`] one without BINARYMIME and CHUNKING (RFC 3030). One that is read as it is sent and of which
    /// nothing was said goes to a server without 8BITMIME too: if 8-bit text comes, the connection is cut before the
    /// message's end, and the error says so. The same happens if one that was to be [`Body::SevenBit`] isn't.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.parameters.body = Some(body);
        self
    }

    /// Its parts have headers in UTF-8, so that only a server with SMTPUTF8 (RFC 6531) takes it. Addresses and the
    /// message's own header are looked at anyway.
    #[must_use]
    pub fn smtp_utf8(mut self) -> Self {
        self.parameters.smtp_utf8 = true;
        self
    }

    /// How much of the message a report is to have (DSN's RET, RFC 3461 section 4.3).
    #[must_use]
    pub fn ret(mut self, ret: Ret) -> Self {
        self.parameters.ret = Some(ret);
        self
    }

    /// What a report is to name the envelope (DSN's ENVID, RFC 3461 section 4.4).
    #[must_use]
    pub fn envelope_id(mut self, id: impl Into<Bytes>) -> Self {
        self.parameters.envelope_id = Some(id.into());
        self
    }

    /// What is to be reported to the sender of all recipients of whom [nothing else](Recipient::notify) is said (DSN's
    /// NOTIFY, RFC 3461 section 4.1).
    #[must_use]
    pub fn notify(mut self, notify: Notify) -> Self {
        self.notify = Some(notify);
        self
    }

    /// It may only go on over TLS, to servers with REQUIRETLS (RFC 8689).
    #[must_use]
    pub fn require_tls(mut self) -> Self {
        self.parameters.require_tls = true;
        self
    }

    /// How its text goes: by DATA unless told. [`Transfer::Chunks`] takes BDAT where the server has CHUNKING (RFC 3030).
    #[must_use]
    pub fn transfer(mut self, transfer: Transfer) -> Self {
        self.transfer = transfer;
        self
    }
}

impl fmt::Debug for Mail {
    /// All but the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("sender", &self.sender)
            .field("recipients", &self.recipients)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// A message as mail-builder writes it. Its `Bcc` counts, and is taken out.
#[cfg(feature = "mail-builder")]
impl TryFrom<mail_builder::MessageBuilder<'_>> for Mail {
    type Error = io::Error;

    fn try_from(message: mail_builder::MessageBuilder<'_>) -> io::Result<Self> {
        Ok(Self::new(message.write_to_vec()?))
    }
}
