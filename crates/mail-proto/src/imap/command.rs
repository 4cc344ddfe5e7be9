//! Commands: everything a client sends (RFC 9051 section 6).

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{
    capability::Capabilities,
    date::DateTime,
    encode::{EncodeError, EncodeOptions, Encoded, Encoder},
    fetch::{self, FetchItem},
    flags::{self, Flag},
    mailbox::MailboxName,
    mailbox_status::{self, StatusItem},
    response::{self, ParseOptions, Parsed},
    search::SearchKey,
    sequence_set::SequenceSet,
    terminals::{
        Context, Parsing, astring, at_end, atom, byte, end, fail, number64, quoted, spaces, take_while1,
    },
};
use crate::{error::ParseError, secret::Secret};

/// A command, without its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// What can the server do?
    Capability,
    /// Nothing, and news if there are any.
    Noop,
    /// The end of the connection.
    Logout,
    /// TLS from here on.
    StartTls,
    /// A name and a password in the clear.
    Login {
        /// The user's name.
        user: Bytes,
        /// The password.
        password: Secret,
    },
    /// A SASL exchange.
    Authenticate {
        /// The mechanism's name.
        mechanism: Bytes,
        /// The initial response (`SASL-IR`, RFC 4959), before base64.
        initial: Option<Secret>,
    },
    /// Which software this is, and which are you (RFC 2971)? An empty list is sent as NIL.
    Id(Vec<(Bytes, Option<Bytes>)>),
    /// Extensions that have to be switched on (RFC 5161).
    Enable(Capabilities),
    /// SELECT, or EXAMINE.
    Select {
        /// Which mailbox.
        mailbox: MailboxName,
        /// EXAMINE: nothing in the mailbox can be changed.
        read_only: bool,
    },
    /// Which mailboxes are there?
    List {
        /// What the pattern is relative to.
        reference: Bytes,
        /// The pattern: `*` stands for anything, `%` for anything but the delimiter.
        pattern: Bytes,
    },
    /// Which mailboxes are subscribed to (RFC 3501)?
    Lsub {
        /// What the pattern is relative to.
        reference: Bytes,
        /// The pattern, as for LIST.
        pattern: Bytes,
    },
    /// Numbers of a mailbox.
    Status {
        /// Which mailbox.
        mailbox: MailboxName,
        /// Which numbers.
        items: Vec<StatusItem>,
    },
    /// A new mailbox.
    Create(MailboxName),
    /// A mailbox less.
    Delete(MailboxName),
    /// Another name for a mailbox.
    Rename {
        /// The name so far.
        from: MailboxName,
        /// The name from now on.
        to: MailboxName,
    },
    /// A mailbox on the list of those the user wants to see.
    Subscribe(MailboxName),
    /// A mailbox off that list.
    Unsubscribe(MailboxName),
    /// Which namespaces are there (RFC 2342)?
    Namespace,
    /// News as it comes (RFC 2177), until [`Command::IDLE_DONE`].
    Idle,
    /// A message into a mailbox. Its bytes follow: the literal is announced and comes from elsewhere.
    Append {
        /// Which mailbox.
        mailbox: MailboxName,
        /// The flags it is to have.
        flags: Vec<Flag>,
        /// The date it is to have; the server's now if there is none.
        date: Option<DateTime>,
        /// How many bytes the message has.
        len: u64,
    },
    /// Housekeeping, whatever the server makes of it (RFC 3501).
    Check,
    /// The selected mailbox is put away, and messages with `\Deleted` are removed.
    Close,
    /// The selected mailbox is put away (RFC 3691).
    Unselect,
    /// Messages with `\Deleted` are removed.
    Expunge,
    /// Of these messages, those with `\Deleted` are removed (RFC 4315).
    UidExpunge(SequenceSet),
    /// Which messages match?
    Search {
        /// Whether UIDs are asked for.
        uid: bool,
        /// The condition.
        key: SearchKey,
    },
    /// Tell of messages.
    Fetch {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What of them.
        items: Vec<FetchItem>,
    },
    /// Flags for messages.
    Store {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What to do with the flags.
        action: StoreAction,
        /// Whether the server need not tell the flags that result.
        silent: bool,
        /// Which flags.
        flags: Vec<Flag>,
    },
    /// Messages into another mailbox.
    Copy {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Into which mailbox.
        mailbox: MailboxName,
    },
    /// Messages into another mailbox, and out of this one (RFC 6851).
    Move {
        /// Whether the set is one of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Into which mailbox.
        mailbox: MailboxName,
    },
}

/// What STORE does with the flags it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreAction {
    /// Adds them.
    Add,
    /// Removes them.
    Remove,
    /// Sets just these.
    Replace,
}

/// A command with its tag, as a server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedCommand {
    /// The tag.
    pub tag: Bytes,
    /// The command.
    pub command: Command,
}

impl Command {
    /// The line that ends IDLE.
    pub const IDLE_DONE: &'static [u8] = b"DONE\r\n";

    /// The command as it goes over the wire.
    ///
    /// The literal of APPEND is a [`Fragment::Upload`](super::encode::Fragment::Upload) before the line's end.
    ///
    /// # Errors
    /// An argument can't be written. Nothing of the command was.
    pub fn encode(&self, tag: &str, options: EncodeOptions) -> Result<Encoded, EncodeError> {
        let mut encoder = Encoder::new(options);
        let out = &mut encoder;
        out.atom(tag.as_bytes(), "tag").raw(" ");
        let uid = |out: &mut Encoder, uid: &bool| {
            if *uid {
                out.raw("UID ");
            }
        };
        match self {
            Self::Capability => drop(out.raw("CAPABILITY")),
            Self::Noop => drop(out.raw("NOOP")),
            Self::Logout => drop(out.raw("LOGOUT")),
            Self::StartTls => drop(out.raw("STARTTLS")),
            Self::Namespace => drop(out.raw("NAMESPACE")),
            Self::Idle => drop(out.raw("IDLE")),
            Self::Check => drop(out.raw("CHECK")),
            Self::Close => drop(out.raw("CLOSE")),
            Self::Unselect => drop(out.raw("UNSELECT")),
            Self::Expunge => drop(out.raw("EXPUNGE")),
            Self::Login { user, password } => {
                out.raw("LOGIN ").astring(user, "user name").raw(" ").astring(password.expose(), "password");
            }
            Self::Authenticate { mechanism, initial } => {
                out.raw("AUTHENTICATE ").atom(mechanism, "mechanism");
                match initial {
                    None => {}
                    // An empty initial response is told from none by "=".
                    Some(initial) if initial.expose().is_empty() => drop(out.raw(" =")),
                    Some(initial) => drop(out.raw(" ").raw(&BASE64_STANDARD.encode(initial.expose()))),
                }
            }
            Self::Id(fields) => response::encode_id(fields, out.raw("ID ")),
            Self::Enable(capabilities) => {
                if capabilities.is_empty() {
                    out.fail(EncodeError::Empty { what: "ENABLE" });
                }
                capabilities.encode(out.raw("ENABLE"));
            }
            Self::Select { mailbox, read_only } => {
                mailbox.encode(out.raw(if *read_only { "EXAMINE " } else { "SELECT " }));
            }
            Self::List { reference, pattern } => {
                out.raw("LIST ").astring(reference, "reference").raw(" ").string(pattern, "pattern");
            }
            Self::Lsub { reference, pattern } => {
                out.raw("LSUB ").astring(reference, "reference").raw(" ").string(pattern, "pattern");
            }
            Self::Status { mailbox, items } => {
                if items.is_empty() {
                    out.fail(EncodeError::Empty { what: "STATUS items" });
                }
                mailbox.encode(out.raw("STATUS "));
                mailbox_status::encode_items(items, out.raw(" "));
            }
            Self::Create(mailbox) => mailbox.encode(out.raw("CREATE ")),
            Self::Delete(mailbox) => mailbox.encode(out.raw("DELETE ")),
            Self::Rename { from, to } => {
                from.encode(out.raw("RENAME "));
                to.encode(out.raw(" "));
            }
            Self::Subscribe(mailbox) => mailbox.encode(out.raw("SUBSCRIBE ")),
            Self::Unsubscribe(mailbox) => mailbox.encode(out.raw("UNSUBSCRIBE ")),
            Self::Append { mailbox, flags, date, len } => {
                mailbox.encode(out.raw("APPEND "));
                out.raw(" ");
                if !flags.is_empty() {
                    flags::encode_list(flags, out);
                    out.raw(" ");
                }
                if let Some(date) = date {
                    date.encode(out);
                    out.raw(" ");
                }
                out.upload(*len);
            }
            Self::UidExpunge(set) => set.encode(out.raw("UID EXPUNGE "), "messages to expunge"),
            Self::Search { uid: by_uid, key } => {
                uid(out, by_uid);
                out.raw("SEARCH ");
                if key.needs_charset() {
                    out.raw("CHARSET UTF-8 ");
                }
                key.encode_all(out);
            }
            Self::Fetch { uid: by_uid, set, items } => {
                uid(out, by_uid);
                set.encode(out.raw("FETCH "), "messages to fetch");
                fetch::encode_items(items, out.raw(" "));
            }
            Self::Store { uid: by_uid, set, action, silent, flags } => {
                uid(out, by_uid);
                set.encode(out.raw("STORE "), "messages to store flags of");
                out.raw(match action {
                    StoreAction::Add => " +FLAGS",
                    StoreAction::Remove => " -FLAGS",
                    StoreAction::Replace => " FLAGS",
                });
                flags::encode_list(flags, out.raw(if *silent { ".SILENT " } else { " " }));
            }
            Self::Copy { uid: by_uid, set, mailbox } => {
                uid(out, by_uid);
                set.encode(out.raw("COPY "), "messages to copy");
                mailbox.encode(out.raw(" "));
            }
            Self::Move { uid: by_uid, set, mailbox } => {
                uid(out, by_uid);
                set.encode(out.raw("MOVE "), "messages to move");
                mailbox.encode(out.raw(" "));
            }
        }
        out.raw("\r\n");
        encoder.finish()
    }
}

impl TaggedCommand {
    /// Reads a whole command: one frame, its line end included, literals in it.
    ///
    /// A frame that ends in a streamed literal's announcement is an APPEND.
    ///
    /// # Errors
    /// It can't be read. [`tag_of`] may still find whom to answer.
    pub fn parse(frame: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let frame = frame.into();
        let mut cx = Context::new(&frame, options.strict);
        match tagged(&frame, &mut cx) {
            Ok((_, value)) => Ok(Parsed { value, quirks: cx.into_quirks() }),
            Err(error) => Err(cx.error(&error)),
        }
    }
}

/// The tag of a line that can't be read as a command, to answer BAD to.
pub fn tag_of(frame: &[u8]) -> Option<&[u8]> {
    let (rest, tag) = tag(frame).ok()?;
    (at_end(rest) || rest.first() == Some(&b' ')).then_some(tag)
}

/// `tag = 1*<any ASTRING-CHAR except "+">`
fn tag(input: &[u8]) -> Parsing<'_, &[u8]> {
    take_while1(input, |byte| super::terminals::is_astring_byte(byte) && byte != b'+', "a tag")
}

fn tagged<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, TaggedCommand> {
    let (rest, tag) = tag(input)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, command) = command(rest, cx)?;
    let (rest, ()) = end(rest, cx)?;
    Ok((rest, TaggedCommand { tag: cx.frame.slice_ref(tag), command }))
}

fn command<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, word) = atom(input)?;
    let (rest, word, uid) = if word.eq_ignore_ascii_case(b"UID") {
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, word) = atom(rest)?;
        (rest, word, true)
    } else {
        (rest, word, false)
    };
    let word = word.to_ascii_uppercase();
    let bare = match word.as_slice() {
        b"CAPABILITY" => Some(Command::Capability),
        b"NOOP" => Some(Command::Noop),
        b"LOGOUT" => Some(Command::Logout),
        b"STARTTLS" => Some(Command::StartTls),
        b"NAMESPACE" => Some(Command::Namespace),
        b"IDLE" => Some(Command::Idle),
        b"CHECK" => Some(Command::Check),
        b"CLOSE" => Some(Command::Close),
        b"UNSELECT" => Some(Command::Unselect),
        b"EXPUNGE" if !uid => Some(Command::Expunge),
        _ => None,
    };
    if let Some(command) = bare {
        return if uid { fail(input, "a UID command") } else { Ok((rest, command)) };
    }
    let allows_uid =
        matches!(word.as_slice(), b"EXPUNGE" | b"SEARCH" | b"FETCH" | b"STORE" | b"COPY" | b"MOVE");
    if uid && !allows_uid {
        return fail(input, "a UID command");
    }
    if word == b"ENABLE" {
        let (rest, capabilities) = Capabilities::parse(rest, cx)?;
        return Ok((rest, Command::Enable(capabilities)));
    }
    let name = |input, cx: &mut Context<'a>| MailboxName::parse(input, cx);
    let with_name = |rest, command: fn(MailboxName) -> Command, cx: &mut Context<'a>| {
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, mailbox) = name(rest, cx)?;
        Ok((rest, command(mailbox)))
    };
    match word.as_slice() {
        b"CREATE" => return with_name(rest, Command::Create, cx),
        b"DELETE" => return with_name(rest, Command::Delete, cx),
        b"SUBSCRIBE" => return with_name(rest, Command::Subscribe, cx),
        b"UNSUBSCRIBE" => return with_name(rest, Command::Unsubscribe, cx),
        b"SELECT" => {
            return with_name(rest, |mailbox| Command::Select { mailbox, read_only: false }, cx);
        }
        b"EXAMINE" => {
            return with_name(rest, |mailbox| Command::Select { mailbox, read_only: true }, cx);
        }
        b"LOGIN" | b"AUTHENTICATE" | b"ID" | b"LIST" | b"LSUB" | b"STATUS" | b"RENAME" | b"APPEND"
        | b"EXPUNGE" | b"SEARCH" | b"FETCH" | b"STORE" | b"COPY" | b"MOVE" => {}
        _ => return fail(input, "a command"),
    }
    let (rest, ()) = spaces(rest, cx)?;
    match word.as_slice() {
        b"LOGIN" => {
            let (rest, user) = astring(rest, cx)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, password) = astring(rest, cx)?;
            let password = Secret::new(password.of(cx.frame).to_bytes().into_owned());
            Ok((rest, Command::Login { user: cx.bytes(user), password }))
        }
        b"AUTHENTICATE" => {
            let (rest, mechanism) = atom(rest)?;
            let mechanism = Bytes::from(mechanism.to_ascii_uppercase());
            let Some(response) = rest.strip_prefix(b" ") else {
                return Ok((rest, Command::Authenticate { mechanism, initial: None }));
            };
            let (rest, text) = take_while1(response, |byte| !matches!(byte, b'\r' | b'\n'), "base64")?;
            let initial = match text {
                b"=" => Secret::new([]),
                text => match BASE64_STANDARD.decode(text) {
                    Ok(bytes) => Secret::new(bytes),
                    Err(_) => return fail(response, "base64"),
                },
            };
            Ok((rest, Command::Authenticate { mechanism, initial: Some(initial) }))
        }
        b"ID" => response::id(rest, cx).map(|(rest, fields)| (rest, Command::Id(fields))),
        b"LIST" | b"LSUB" => {
            let (rest, reference) = astring(rest, cx)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, pattern) = list_mailbox(rest, cx)?;
            let reference = cx.bytes(reference);
            let command = match word.as_slice() {
                b"LIST" => Command::List { reference, pattern },
                _ => Command::Lsub { reference, pattern },
            };
            Ok((rest, command))
        }
        b"STATUS" => {
            let (rest, mailbox) = name(rest, cx)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, items) = mailbox_status::parse_items(rest, cx)?;
            Ok((rest, Command::Status { mailbox, items }))
        }
        b"RENAME" => {
            let (rest, from) = name(rest, cx)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, to) = name(rest, cx)?;
            Ok((rest, Command::Rename { from, to }))
        }
        b"APPEND" => append(rest, cx),
        b"EXPUNGE" => SequenceSet::parse(rest).map(|(rest, set)| (rest, Command::UidExpunge(set))),
        b"SEARCH" => {
            let (rest, key) = search(rest, cx)?;
            Ok((rest, Command::Search { uid, key }))
        }
        b"FETCH" => {
            let (rest, (set, items)) = fetch::parse_arguments(rest, cx)?;
            Ok((rest, Command::Fetch { uid, set, items }))
        }
        b"STORE" => {
            let (rest, set) = SequenceSet::parse(rest)?;
            let (rest, ()) = spaces(rest, cx)?;
            store(rest, uid, set, cx)
        }
        // COPY and MOVE: all other words were refused above.
        _ => {
            let (rest, set) = SequenceSet::parse(rest)?;
            let (rest, ()) = spaces(rest, cx)?;
            let (rest, mailbox) = name(rest, cx)?;
            let command = match word.as_slice() {
                b"COPY" => Command::Copy { uid, set, mailbox },
                _ => Command::Move { uid, set, mailbox },
            };
            Ok((rest, command))
        }
    }
}

/// `list-mailbox = 1*list-char / string`, where the wildcards need no quotes.
fn list_mailbox<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Bytes> {
    if matches!(input.first(), Some(b'"' | b'{')) {
        let (rest, pattern) = astring(input, cx)?;
        return Ok((rest, cx.bytes(pattern)));
    }
    let list_byte = |byte| super::terminals::is_astring_byte(byte) || matches!(byte, b'%' | b'*');
    let (rest, pattern) = take_while1(input, list_byte, "a pattern")?;
    Ok((rest, cx.frame.slice_ref(pattern)))
}

/// `mailbox [SP flag-list] [SP date-time] SP literal`, where the literal may be a streamed one that follows.
fn append<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, mailbox) = MailboxName::parse(input, cx)?;
    let (mut rest, ()) = spaces(rest, cx)?;
    let mut flags = Vec::new();
    if rest.first() == Some(&b'(') {
        (rest, flags) = flags::parse_list(rest, cx)?;
        (rest, ()) = spaces(rest, cx)?;
    }
    let mut date = None;
    if rest.first() == Some(&b'"') {
        let (behind, text) = quoted(rest, cx)?;
        date = DateTime::parse(&text.of(cx.frame).to_bytes());
        if date.is_none() {
            return fail(rest, "a date-time");
        }
        (rest, ()) = spaces(behind, cx)?;
    }
    let announcement = rest.strip_prefix(b"~").unwrap_or(rest);
    let (open, ()) = byte(b'{', "a literal")(announcement)?;
    let (close, len) = number64(open)?;
    let close = close.strip_prefix(b"+").unwrap_or(close);
    let (content, ()) = byte(b'}', "\"}\"")(close)?;
    let content = content.strip_prefix(b"\r").unwrap_or(content);
    let (content, ()) = byte(b'\n', "CRLF")(content)?;
    // The message itself lies in the frame, or follows it as a stream.
    let rest = match usize::try_from(len) {
        Ok(len) if len <= content.len() => &content[len..],
        _ => content,
    };
    Ok((rest, Command::Append { mailbox, flags, date, len }))
}

/// `["CHARSET" SP charset SP] search-key *(SP search-key)`
fn search<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, SearchKey> {
    let mut rest = input;
    if let Some((word, behind)) = input.split_at_checked(8)
        && word.eq_ignore_ascii_case(b"CHARSET ")
    {
        let (behind, charset) = astring(behind, cx)?;
        let charset = charset.of(cx.frame).to_bytes();
        if !charset.eq_ignore_ascii_case(b"UTF-8") && !charset.eq_ignore_ascii_case(b"US-ASCII") {
            return fail(rest, "the charset UTF-8");
        }
        (rest, ()) = spaces(behind, cx)?;
    }
    SearchKey::parse_all(rest, cx, 0)
}

/// `(["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))`
fn store<'a>(input: &'a [u8], uid: bool, set: SequenceSet, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, word) = atom(input)?;
    let word = word.to_ascii_uppercase();
    let (action, name) = match word.split_first() {
        Some((b'+', name)) => (StoreAction::Add, name),
        Some((b'-', name)) => (StoreAction::Remove, name),
        _ => (StoreAction::Replace, word.as_slice()),
    };
    let silent = match name {
        b"FLAGS" => false,
        b"FLAGS.SILENT" => true,
        _ => return fail(input, "FLAGS"),
    };
    let (mut rest, ()) = spaces(rest, cx)?;
    if rest.first() == Some(&b'(') {
        let (rest, flags) = flags::parse_list(rest, cx)?;
        return Ok((rest, Command::Store { uid, set, action, silent, flags }));
    }
    let mut flags = Vec::new();
    loop {
        let (behind, name) = Flag::parse_name(rest, cx)?;
        flags.push(Flag::new(cx.frame.slice_ref(name)));
        match behind {
            [b' ', behind @ ..] => rest = behind,
            _ => return Ok((behind, Command::Store { uid, set, action, silent, flags })),
        }
    }
}

impl Command {
    /// The command's name, `UID` included.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::StartTls => "STARTTLS",
            Self::Login { .. } => "LOGIN",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Id(_) => "ID",
            Self::Enable(_) => "ENABLE",
            Self::Select { read_only: false, .. } => "SELECT",
            Self::Select { read_only: true, .. } => "EXAMINE",
            Self::List { .. } => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::Status { .. } => "STATUS",
            Self::Create(_) => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::Namespace => "NAMESPACE",
            Self::Idle => "IDLE",
            Self::Append { .. } => "APPEND",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge => "EXPUNGE",
            Self::UidExpunge(_) => "UID EXPUNGE",
            Self::Search { uid: true, .. } => "UID SEARCH",
            Self::Search { uid: false, .. } => "SEARCH",
            Self::Fetch { uid: true, .. } => "UID FETCH",
            Self::Fetch { uid: false, .. } => "FETCH",
            Self::Store { uid: true, .. } => "UID STORE",
            Self::Store { uid: false, .. } => "STORE",
            Self::Copy { uid: true, .. } => "UID COPY",
            Self::Copy { uid: false, .. } => "COPY",
            Self::Move { uid: true, .. } => "UID MOVE",
            Self::Move { uid: false, .. } => "MOVE",
        }
    }

    /// The mailbox that the command names, if it names one.
    pub fn mailbox(&self) -> Option<&MailboxName> {
        match self {
            Self::Select { mailbox, .. }
            | Self::Status { mailbox, .. }
            | Self::Create(mailbox)
            | Self::Delete(mailbox)
            | Self::Rename { from: mailbox, .. }
            | Self::Subscribe(mailbox)
            | Self::Unsubscribe(mailbox)
            | Self::Append { mailbox, .. }
            | Self::Copy { mailbox, .. }
            | Self::Move { mailbox, .. } => Some(mailbox),
            _ => None,
        }
    }
}

/// The command's name and mailbox, for logs and errors: no argument that may be a secret.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.mailbox() {
            Some(mailbox) => write!(f, " \"{}\"", mailbox.as_bytes().escape_ascii()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
