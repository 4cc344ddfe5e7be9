//! What a client asks: RFC 5321 section 4.1, RFC 3207, RFC 4954, RFC 3030.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{
    ParseOptions, Parsed,
    address::{self, Address},
    parameter::{MailParameters, RcptParameters},
};
use crate::{
    argument::{self, ArgumentError},
    error::{ParseError, QuirkKind},
    reading::Reading,
    sasl,
    secret::Secret,
};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Who the client is, and what can the server do?
    Ehlo(Bytes),
    /// Who the client is, at servers without extensions.
    Helo(Bytes),
    /// TLS from here on.
    StartTls,
    /// A SASL exchange.
    Auth {
        /// The mechanism's name.
        mechanism: Bytes,
        /// The initial response, before base64.
        initial: Option<Secret>,
    },
    /// A message begins.
    Mail {
        /// Who reports go to; `None` for nobody, as of reports themselves.
        from: Option<Address>,
        /// What else is said of it.
        parameters: MailParameters,
    },
    /// Who gets it.
    Rcpt {
        /// One recipient.
        to: Address,
        /// What else is said of it.
        parameters: RcptParameters,
    },
    /// Here it comes, dots stuffed.
    Data,
    /// Here a chunk of it comes, as it is.
    Bdat {
        /// The chunk's length in bytes.
        size: u64,
        /// Whether it is the last one.
        last: bool,
    },
    /// Forget the message.
    Rset,
    /// Nothing.
    Noop,
    /// Is there such a mailbox?
    Vrfy(Bytes),
    /// End the connection.
    Quit,
}

/// The longest command in bytes, extensions aside (RFC 5321 section 4.5.3.1.4).
pub const LONGEST_COMMAND: usize = 512;

impl Command {
    /// The command's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ehlo(_) => "EHLO",
            Self::Helo(_) => "HELO",
            Self::StartTls => "STARTTLS",
            Self::Auth { .. } => "AUTH",
            Self::Mail { .. } => "MAIL",
            Self::Rcpt { .. } => "RCPT",
            Self::Data => "DATA",
            Self::Bdat { .. } => "BDAT",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Vrfy(_) => "VRFY",
            Self::Quit => "QUIT",
        }
    }

    /// Writes it as a line.
    ///
    /// # Errors
    /// An argument holds what would end the command or make two arguments of one, or is empty.
    pub fn encode(&self) -> Result<Bytes, ArgumentError> {
        let mut line = self.name().as_bytes().to_vec();
        match self {
            Self::Ehlo(domain) | Self::Helo(domain) => {
                let what = "host name";
                let domain = argument::word(domain, what)?;
                if !std::str::from_utf8(domain).is_ok_and(address::is_domain) {
                    return Err(ArgumentError::ForbiddenByte { what });
                }
                line.push(b' ');
                line.extend_from_slice(domain);
            }
            Self::Auth { mechanism, initial } => {
                line.push(b' ');
                line.extend_from_slice(argument::word(mechanism, "mechanism")?);
                match initial {
                    None => {}
                    Some(initial) if initial.expose().is_empty() => line.extend_from_slice(b" ="),
                    Some(initial) => {
                        line.push(b' ');
                        line.extend_from_slice(BASE64_STANDARD.encode(initial.expose()).as_bytes());
                    }
                }
            }
            Self::Mail { from, parameters } => {
                let from = from.as_ref().map(Address::as_str).unwrap_or_default();
                line.extend_from_slice(format!(" FROM:<{from}>").as_bytes());
                parameters.encode(&mut line)?;
            }
            Self::Rcpt { to, parameters } => {
                line.extend_from_slice(format!(" TO:<{to}>").as_bytes());
                parameters.encode(&mut line)?;
            }
            Self::Bdat { size, last } => {
                line.extend_from_slice(format!(" {size}{}", if *last { " LAST" } else { "" }).as_bytes());
            }
            Self::Vrfy(text) => {
                line.push(b' ');
                match text.first() {
                    None => return Err(ArgumentError::Empty { what: "mailbox" }),
                    // It would go for the space before the argument.
                    Some(b' ' | b'\t') => return Err(ArgumentError::ForbiddenByte { what: "mailbox" }),
                    Some(_) => {}
                }
                line.extend_from_slice(argument::text(text, "mailbox")?);
            }
            Self::StartTls | Self::Data | Self::Rset | Self::Noop | Self::Quit => {}
        }
        line.extend_from_slice(b"\r\n");
        Ok(line.into())
    }

    /// Reads a line that a client wrote, its end included.
    ///
    /// # Errors
    /// It is no command, or not with these arguments. A server answers 500 or 501 and reads on.
    pub fn parse(line: impl Into<Bytes>) -> Result<Self, ParseError> {
        Self::parse_with(line, ParseOptions::default()).map(|parsed| parsed.value)
    }

    /// Reads a line that a client wrote, its end included, and tells what is wrong with it, or rejects that.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and of what is wrong the first if `options` are strict.
    pub fn parse_with(line: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let line = line.into();
        let read = || {
            let mut reading = Reading::new(&line, options.strict)?;
            let value = Self::read(&line, &mut reading)?;
            Ok(Parsed { value, quirks: reading.into_quirks() })
        };
        read().map_err(|error: ParseError| error.of_command(&line))
    }

    fn read(line: &Bytes, reading: &mut Reading<'_>) -> Result<Self, ParseError> {
        // A line break that stands alone is no line end, and must not become one further on.
        if reading.rest().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(reading.error("no line break but CRLF"));
        }
        let unknown = reading.error("a command");
        let word = reading.take_while(|byte| byte.is_ascii_alphanumeric()).to_ascii_uppercase();
        reading.spaces()?;
        let command = match word.as_slice() {
            b"EHLO" | b"HELO" => {
                let at = reading.error("a host name");
                let domain = line.slice_ref(reading.word("a host name")?);
                if !std::str::from_utf8(&domain).is_ok_and(address::is_domain) {
                    return Err(at);
                }
                if word == b"EHLO" { Self::Ehlo(domain) } else { Self::Helo(domain) }
            }
            b"STARTTLS" => Self::StartTls,
            b"AUTH" => {
                let mechanism = Bytes::from(reading.word("a mechanism")?.to_ascii_uppercase());
                reading.spaces()?;
                let initial = if reading.is_at_end() {
                    None
                } else {
                    let at = reading.error("base64");
                    Some(sasl::decode(reading.word("base64")?).map_err(|_| at)?)
                };
                Self::Auth { mechanism, initial }
            }
            b"MAIL" => {
                keyword(reading, b"FROM:", "FROM:")?;
                let from = address::parse_path(reading)?;
                Self::Mail { from, parameters: MailParameters::parse(reading, line)? }
            }
            b"RCPT" => {
                keyword(reading, b"TO:", "TO:")?;
                let at = reading.error("a recipient");
                let to = address::parse_path(reading)?.ok_or(at)?;
                Self::Rcpt { to, parameters: RcptParameters::parse(reading, line)? }
            }
            b"DATA" => Self::Data,
            b"BDAT" => {
                let size = reading.number("a size")?;
                reading.spaces()?;
                let last = reading.rest().eq_ignore_ascii_case(b"LAST");
                if last {
                    reading.advance(4);
                }
                Self::Bdat { size, last }
            }
            b"RSET" => Self::Rset,
            b"NOOP" => {
                // A string may follow, which means nothing.
                reading.take_rest();
                Self::Noop
            }
            b"VRFY" if !reading.is_at_end() => Self::Vrfy(reading.take_rest()),
            b"QUIT" => Self::Quit,
            _ => return Err(unknown),
        };
        reading.spaces()?;
        if reading.is_at_end() { Ok(command) } else { Err(reading.error("CRLF")) }
    }
}

/// `FROM:` or `TO:`. A space behind it is wrong and everywhere.
fn keyword(reading: &mut Reading<'_>, word: &[u8], expected: &'static str) -> Result<(), ParseError> {
    if !reading.rest().get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word)) {
        return Err(reading.error(expected));
    }
    reading.advance(word.len());
    if matches!(reading.peek(), Some(b' ' | b'\t')) {
        reading.quirk(QuirkKind::ExtraSpace, "\"<\"")?;
        reading.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }
    Ok(())
}
