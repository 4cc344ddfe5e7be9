//! What a client asks: RFC 1939 sections 5 to 7, RFC 2449, RFC 2595, RFC 5034, RFC 6856.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{ParseOptions, Parsed};
use crate::{
    argument::{self, ArgumentError},
    error::ParseError,
    reading::Reading,
    sasl,
    secret::Secret,
};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Who logs in.
    User(Bytes),
    /// And the password. Spaces are part of it.
    Pass(Secret),
    /// Both at once, the password as a hash of it with the greeting's timestamp.
    Apop {
        /// The name.
        user: Bytes,
        /// The hash, in 32 hexadecimal digits.
        digest: Secret,
    },
    /// A SASL exchange.
    Auth {
        /// The mechanism's name.
        mechanism: Bytes,
        /// The initial response, before base64.
        initial: Option<Secret>,
    },
    /// TLS from here on.
    Stls,
    /// What can the server do?
    Capa,
    /// Messages may be UTF-8.
    Utf8,
    /// Which languages are there for texts? Or, with one: use it.
    Lang(Option<Bytes>),
    /// How many messages of what size?
    Stat,
    /// The sizes of all messages, or of one.
    List(Option<u32>),
    /// The lasting names of all messages, or of one.
    Uidl(Option<u32>),
    /// A message.
    Retr(u32),
    /// The beginning of a message.
    Top {
        /// Which.
        number: u32,
        /// Lines of its body.
        lines: u32,
    },
    /// Mark a message as deleted. QUIT deletes it.
    Dele(u32),
    /// Nothing.
    Noop,
    /// Unmark all messages.
    Rset,
    /// Delete what is marked, and end the connection.
    Quit,
}

/// The longest command in bytes (RFC 2449 section 4). Passwords and names may make a longer one.
pub const LONGEST_COMMAND: usize = 255;

impl Command {
    /// The command's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::Apop { .. } => "APOP",
            Self::Auth { .. } => "AUTH",
            Self::Stls => "STLS",
            Self::Capa => "CAPA",
            Self::Utf8 => "UTF8",
            Self::Lang(_) => "LANG",
            Self::Stat => "STAT",
            Self::List(_) => "LIST",
            Self::Uidl(_) => "UIDL",
            Self::Retr(_) => "RETR",
            Self::Top { .. } => "TOP",
            Self::Dele(_) => "DELE",
            Self::Noop => "NOOP",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }

    /// What follows a positive status line.
    pub fn answer(&self) -> AnswerForm {
        match self {
            Self::Retr(_) | Self::Top { .. } => AnswerForm::Message,
            Self::Capa | Self::Lang(None) | Self::List(None) | Self::Uidl(None) => AnswerForm::Lines,
            _ => AnswerForm::Nothing,
        }
    }

    /// Writes it as a line.
    ///
    /// # Errors
    /// An argument holds what would end the command or make two arguments of one, or is empty.
    pub fn encode(&self) -> Result<Bytes, ArgumentError> {
        let mut line = self.name().as_bytes().to_vec();
        let mut add = |argument: &[u8]| {
            line.push(b' ');
            line.extend_from_slice(argument);
        };
        match self {
            Self::User(user) => {
                if user.is_empty() {
                    return Err(ArgumentError::Empty { what: "user name" });
                }
                add(argument::text(user, "user name")?);
            }
            Self::Pass(password) => add(argument::text(password.expose(), "password")?),
            Self::Apop { user, digest } => {
                add(argument::word(user, "user name")?);
                add(argument::word(digest.expose(), "digest")?);
            }
            Self::Auth { mechanism, initial } => {
                add(argument::word(mechanism, "mechanism")?);
                match initial {
                    None => {}
                    Some(initial) if initial.expose().is_empty() => add(b"="),
                    Some(initial) => add(BASE64_STANDARD.encode(initial.expose()).as_bytes()),
                }
            }
            Self::Lang(Some(language)) => add(argument::word(language, "language")?),
            Self::List(Some(number)) | Self::Uidl(Some(number)) | Self::Retr(number) | Self::Dele(number) => {
                add(number.to_string().as_bytes());
            }
            Self::Top { number, lines } => add(format!("{number} {lines}").as_bytes()),
            Self::Stls
            | Self::Capa
            | Self::Utf8
            | Self::Lang(None)
            | Self::Stat
            | Self::List(None)
            | Self::Uidl(None)
            | Self::Noop
            | Self::Rset
            | Self::Quit => {}
        }
        line.extend_from_slice(b"\r\n");
        Ok(line.into())
    }

    /// Reads a line that a client wrote, its end included.
    ///
    /// # Errors
    /// It is no command, or not with these arguments. A server answers `-ERR` and reads on.
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
        let start = reading.error("a command");
        let word = reading.word("a command")?.to_ascii_uppercase();
        if matches!(word.as_slice(), b"USER" | b"PASS") {
            // A password may begin with a space, so one space and no more is taken off.
            if !reading.eat(b' ') {
                return Err(reading.error("a space and an argument"));
            }
            if word == b"PASS" {
                return Ok(Self::Pass(Secret::new(reading.rest())));
            }
            if reading.is_at_end() {
                return Err(reading.error("a user name"));
            }
            return Ok(Self::User(reading.take_rest()));
        }
        let has_argument = reading.spaces()? && !reading.is_at_end();
        let number = |reading: &mut Reading<'_>| has_argument.then(|| reading.message_number()).transpose();
        let command = match word.as_slice() {
            b"APOP" => {
                let user = line.slice_ref(reading.word("a user name")?);
                reading.spaces()?;
                Self::Apop { user, digest: Secret::new(reading.word("a digest")?) }
            }
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
            b"STLS" => Self::Stls,
            b"CAPA" => Self::Capa,
            b"UTF8" => Self::Utf8,
            b"LANG" if has_argument => Self::Lang(Some(line.slice_ref(reading.word("a language")?))),
            b"LANG" => Self::Lang(None),
            b"STAT" => Self::Stat,
            b"LIST" => Self::List(number(reading)?),
            b"UIDL" => Self::Uidl(number(reading)?),
            b"RETR" => Self::Retr(reading.message_number()?),
            b"TOP" => {
                let number = reading.message_number()?;
                reading.spaces()?;
                let at = reading.error("a number of lines");
                let lines = reading.number("a number of lines")?.try_into().map_err(|_| at)?;
                Self::Top { number, lines }
            }
            b"DELE" => Self::Dele(reading.message_number()?),
            b"NOOP" => Self::Noop,
            b"RSET" => Self::Rset,
            b"QUIT" => Self::Quit,
            _ => return Err(start),
        };
        reading.spaces()?;
        if reading.is_at_end() { Ok(command) } else { Err(reading.error("CRLF")) }
    }
}

/// What follows a positive status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerForm {
    /// Nothing.
    Nothing,
    /// Lines, up to one of a single dot.
    Lines,
    /// A message, up to a line of a single dot.
    Message,
}
