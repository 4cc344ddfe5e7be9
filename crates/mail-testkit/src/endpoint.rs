//! What a server's ports speak, and under which TLS.

/// A protocol that the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// IMAP (RFC 3501).
    Imap,
    /// POP3 (RFC 1939).
    Pop3,
    /// SMTP (RFC 5321), as messages are submitted by it (RFC 6409).
    Smtp,
}

impl Protocol {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Imap, Self::Pop3, Self::Smtp];
}

/// What a client finds at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// IMAP over TLS from the first octet, as on port 993.
    ImapTls,
    /// IMAP with STARTTLS, and no login before it, as on port 143.
    ImapStartTls,
    /// IMAP in the clear, without TLS.
    ImapPlain,
    /// POP3 over TLS from the first octet, as on port 995.
    Pop3Tls,
    /// POP3 with STLS, and no login before it, as on port 110.
    Pop3StartTls,
    /// POP3 in the clear, without TLS.
    Pop3Plain,
    /// SMTP over TLS from the first octet, as on port 465.
    SmtpTls,
    /// SMTP with STARTTLS, and neither login nor mail before it, as on port 587.
    SmtpStartTls,
    /// SMTP in the clear, without TLS.
    SmtpPlain,
}

/// When TLS begins at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// With the first octet.
    Tls,
    /// When the client asks for it.
    StartTls,
    /// Never.
    Plain,
}

impl Endpoint {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::ImapTls,
        Self::ImapStartTls,
        Self::ImapPlain,
        Self::Pop3Tls,
        Self::Pop3StartTls,
        Self::Pop3Plain,
        Self::SmtpTls,
        Self::SmtpStartTls,
        Self::SmtpPlain,
    ];

    /// What is spoken there.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::ImapTls | Self::ImapStartTls | Self::ImapPlain => Protocol::Imap,
            Self::Pop3Tls | Self::Pop3StartTls | Self::Pop3Plain => Protocol::Pop3,
            Self::SmtpTls | Self::SmtpStartTls | Self::SmtpPlain => Protocol::Smtp,
        }
    }

    pub(crate) fn security(self) -> Security {
        match self {
            Self::ImapTls | Self::Pop3Tls | Self::SmtpTls => Security::Tls,
            Self::ImapStartTls | Self::Pop3StartTls | Self::SmtpStartTls => Security::StartTls,
            Self::ImapPlain | Self::Pop3Plain | Self::SmtpPlain => Security::Plain,
        }
    }
}
