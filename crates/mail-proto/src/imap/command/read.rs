//! Reading commands, as a server does (RFC 9051 section 9, `command`).

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;

use super::{Command, StoreAction, TaggedCommand};
use crate::{
    error::ParseError,
    imap::{
        acl::RightsChange,
        append::AppendMessage,
        capability::Capabilities,
        fetch,
        flags::{self, Flag},
        id, list_command,
        mailbox::MailboxName,
        mailbox_attribute::MailboxAttribute,
        mailbox_status, metadata,
        multi_search::MultiSearch,
        notify::Notify,
        quota,
        response::{ParseOptions, Parsed},
        search::{self, SearchReturn},
        select::SelectOptions,
        sequence_set::SequenceSet,
        sort::SortKey,
        terminals::{
            Context, Parsing, astring, at_end, atom, byte, end, fail, is_tag_byte, keyword, list, number64,
            nz_number, skip_spaces, spaces, take_while1,
        },
        thread,
        uid_batches::UidBatchesQuery,
    },
    secret::Secret,
};

impl TaggedCommand {
    /// Reads a whole command: one frame, its line end included, literals in it.
    ///
    /// A frame that ends in a streamed literal's announcement is an APPEND or a REPLACE, whose last message has the
    /// announced length. What stands behind that literal, [`AppendMessage::parse_more`] reads.
    ///
    /// # Errors
    /// It can't be read. [`tag_of`] may still find whom to answer.
    pub fn parse(frame: impl Into<Bytes>, options: ParseOptions) -> Result<Parsed<Self>, ParseError> {
        let frame = frame.into();
        let mut cx = Context::new(&frame, options.strict);
        match tagged(&frame, &mut cx) {
            Ok((_, value)) => Ok(Parsed { value, quirks: cx.into_quirks() }),
            Err(error) => Err(cx.error(&error).of_command(&frame)),
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
    take_while1(input, is_tag_byte, "a tag")
}

fn tagged<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, TaggedCommand> {
    let (rest, tag) = tag(input)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, command) = command(rest, cx)?;
    let (rest, ()) = end(rest, cx)?;
    let uploads = std::mem::take(&mut cx.uploads);
    Ok((rest, TaggedCommand { tag: cx.keep(tag), command, uploads }))
}

fn command<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, word) = atom(input)?;
    if word.eq_ignore_ascii_case(b"UID") {
        let (rest, ()) = spaces(rest, cx)?;
        let (rest, word) = atom(rest)?;
        let word = word.to_ascii_uppercase();
        let (rest, ()) = spaces(rest, cx)?;
        return match word.as_slice() {
            b"EXPUNGE" => SequenceSet::parse(rest).map(|(rest, set)| (rest, Command::UidExpunge(set))),
            word => match on_messages(word, true, rest, cx) {
                Some(read) => read,
                None => fail(input, "a UID command"),
            },
        };
    }
    let word = word.to_ascii_uppercase();
    if let Some(command) = bare(&word) {
        return Ok((rest, command));
    }
    if word == b"ENABLE" {
        let (rest, capabilities) = Capabilities::parse(rest, cx)?;
        return Ok((rest, Command::Enable(capabilities)));
    }
    let (rest, ()) = match spaces(rest, cx) {
        Ok(found) => found,
        Err(error) => {
            let known =
                with_arguments(&word, rest, cx).is_some() || on_messages(&word, false, rest, cx).is_some();
            return if known { Err(error) } else { fail(input, "a command") };
        }
    };
    let read = match with_arguments(&word, rest, cx) {
        Some(read) => Some(read),
        None => on_messages(&word, false, rest, cx),
    };
    read.unwrap_or_else(|| fail(input, "a command"))
}

/// Commands without arguments.
fn bare(word: &[u8]) -> Option<Command> {
    Some(match word {
        b"CAPABILITY" => Command::Capability,
        b"NOOP" => Command::Noop,
        b"LOGOUT" => Command::Logout,
        b"STARTTLS" => Command::StartTls,
        b"UNAUTHENTICATE" => Command::Unauthenticate,
        b"GETJMAPACCESS" => Command::GetJmapAccess,
        b"NAMESPACE" => Command::Namespace,
        b"IDLE" => Command::Idle,
        b"CHECK" => Command::Check,
        b"CLOSE" => Command::Close,
        b"UNSELECT" => Command::Unselect,
        b"EXPUNGE" => Command::Expunge,
        _ => return None,
    })
}

/// Commands that have no UID form.
fn with_arguments<'a>(word: &[u8], rest: &'a [u8], cx: &mut Context<'a>) -> Option<Parsing<'a, Command>> {
    Some(match word {
        b"CREATE" => create(rest, cx),
        b"DELETE" => name(rest, cx).map(|(rest, mailbox)| (rest, Command::Delete(mailbox))),
        b"SUBSCRIBE" => name(rest, cx).map(|(rest, mailbox)| (rest, Command::Subscribe(mailbox))),
        b"UNSUBSCRIBE" => name(rest, cx).map(|(rest, mailbox)| (rest, Command::Unsubscribe(mailbox))),
        b"GETQUOTAROOT" => name(rest, cx).map(|(rest, mailbox)| (rest, Command::GetQuotaRoot(mailbox))),
        b"GETACL" => name(rest, cx).map(|(rest, mailbox)| (rest, Command::GetAcl(mailbox))),
        b"MYRIGHTS" => name(rest, cx).map(|(rest, mailbox)| (rest, Command::MyRights(mailbox))),
        b"SELECT" => select(rest, false, cx),
        b"EXAMINE" => select(rest, true, cx),
        b"LOGIN" => login(rest, cx),
        b"AUTHENTICATE" => authenticate(rest, cx),
        b"ID" => id::parse(rest, cx).map(|(rest, fields)| (rest, Command::Id(fields))),
        b"COMPRESS" => match keyword(rest, "DEFLATE") {
            Some(rest) => Ok((rest, Command::Compress)),
            None => fail(rest, "DEFLATE"),
        },
        b"NOTIFY" => Notify::parse(rest, cx).map(|(rest, notify)| (rest, Command::Notify(notify))),
        b"LIST" => list_command::parse(rest, cx).map(|(rest, (reference, patterns, options))| {
            (rest, Command::List { reference, patterns, options })
        }),
        b"LSUB" => pattern(rest, cx, |reference, pattern| Command::Lsub { reference, pattern }),
        b"XLIST" => pattern(rest, cx, |reference, pattern| Command::XList { reference, pattern }),
        b"STATUS" => pair(rest, cx, name, mailbox_status::parse_items)
            .map(|(rest, (mailbox, items))| (rest, Command::Status { mailbox, items })),
        b"RENAME" => {
            pair(rest, cx, name, name).map(|(rest, (from, to))| (rest, Command::Rename { from, to }))
        }
        b"APPEND" => append(rest, cx),
        b"ESEARCH" => MultiSearch::parse(rest, cx).map(|(rest, multi)| (rest, Command::MultiSearch(multi))),
        b"CANCELUPDATE" => cancel_update(rest, cx),
        b"UIDBATCHES" => {
            UidBatchesQuery::parse(rest, cx).map(|(rest, query)| (rest, Command::UidBatches(query)))
        }
        b"GETQUOTA" => text(rest, cx).map(|(rest, root)| (rest, Command::GetQuota(root))),
        b"SETQUOTA" => pair(rest, cx, text, quota::parse_limits)
            .map(|(rest, (root, limits))| (rest, Command::SetQuota { root, limits })),
        b"SETACL" => set_acl(rest, cx),
        b"DELETEACL" => pair(rest, cx, name, text)
            .map(|(rest, (mailbox, identifier))| (rest, Command::DeleteAcl { mailbox, identifier })),
        b"LISTRIGHTS" => pair(rest, cx, name, text)
            .map(|(rest, (mailbox, identifier))| (rest, Command::ListRights { mailbox, identifier })),
        b"GETMETADATA" => metadata::parse_get(rest, cx).map(|(rest, (mailbox, options, entries))| {
            (rest, Command::GetMetadata { mailbox, options, entries })
        }),
        b"SETMETADATA" => pair(rest, cx, name, metadata::parse_values)
            .map(|(rest, (mailbox, entries))| (rest, Command::SetMetadata { mailbox, entries })),
        _ => return None,
    })
}

/// Commands that have a UID form.
fn on_messages<'a>(
    word: &[u8],
    uid: bool,
    rest: &'a [u8],
    cx: &mut Context<'a>,
) -> Option<Parsing<'a, Command>> {
    Some(match word {
        b"SEARCH" => search(rest, uid, cx),
        b"SORT" => sort(rest, uid, cx),
        b"THREAD" => thread(rest, uid, cx),
        b"FETCH" => fetch::parse_arguments(rest, cx)
            .map(|(rest, (set, items, modifiers))| (rest, Command::Fetch { uid, set, items, modifiers })),
        b"STORE" => store(rest, uid, cx),
        b"COPY" => pair(rest, cx, set, name)
            .map(|(rest, (set, mailbox))| (rest, Command::Copy { uid, set, mailbox })),
        b"MOVE" => pair(rest, cx, set, name)
            .map(|(rest, (set, mailbox))| (rest, Command::Move { uid, set, mailbox })),
        b"REPLACE" => replace(rest, uid, cx),
        _ => return None,
    })
}

fn name<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, MailboxName> {
    MailboxName::parse(input, cx)
}

fn set<'a>(input: &'a [u8], _: &mut Context<'a>) -> Parsing<'a, SequenceSet> {
    SequenceSet::parse(input)
}

fn text<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Bytes> {
    let (rest, span) = astring(input, cx)?;
    Ok((rest, cx.bytes(span)))
}

/// Two arguments with a space between them.
fn pair<'a, A, B>(
    input: &'a [u8],
    cx: &mut Context<'a>,
    one: impl Fn(&'a [u8], &mut Context<'a>) -> Parsing<'a, A>,
    other: impl Fn(&'a [u8], &mut Context<'a>) -> Parsing<'a, B>,
) -> Parsing<'a, (A, B)> {
    let (rest, one) = one(input, cx)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, other) = other(rest, cx)?;
    Ok((rest, (one, other)))
}

/// `mailbox SP list-mailbox`
fn pattern<'a>(
    input: &'a [u8],
    cx: &mut Context<'a>,
    command: fn(Bytes, Bytes) -> Command,
) -> Parsing<'a, Command> {
    let (rest, (reference, pattern)) =
        pair(input, cx, text, |input, cx| list_command::parse_pattern(input, cx))?;
    Ok((rest, command(reference, pattern)))
}

/// `mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")"]`
fn create<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, mailbox) = MailboxName::parse(input, cx)?;
    let mut special_use = Vec::new();
    let Some(open) = rest.strip_prefix(b" (") else {
        return Ok((rest, Command::Create { mailbox, special_use }));
    };
    let Some(behind) = keyword(open, "USE") else { return fail(open, "USE") };
    let (behind, ()) = list(spaces(behind, cx)?.0, cx, |input, cx| {
        let (rest, name) = Flag::parse_name(input, cx)?;
        special_use.push(MailboxAttribute::new(cx.keep(name)));
        Ok((rest, ()))
    })?;
    let (rest, ()) = byte(b')', "\")\"")(behind)?;
    Ok((rest, Command::Create { mailbox, special_use }))
}

/// `mailbox [SP "(" select-param *(SP select-param) ")"]`
fn select<'a>(input: &'a [u8], read_only: bool, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, mailbox) = MailboxName::parse(input, cx)?;
    let (rest, options) = SelectOptions::parse(rest, cx)?;
    Ok((rest, Command::Select { mailbox, read_only, options }))
}

/// `userid SP password`
fn login<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, user) = text(input, cx)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, password) = astring(rest, cx)?;
    let password = Secret::new(password.of(cx.frame).to_bytes().into_owned());
    Ok((rest, Command::Login { user, password }))
}

/// `auth-type [SP initial-resp]`, `initial-resp = base64 / "="`
fn authenticate<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, Command> {
    let (rest, mechanism) = atom(input)?;
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
    debug_assert!(cx.offset(rest) <= cx.frame.len());
    Ok((rest, Command::Authenticate { mechanism, initial: Some(initial) }))
}

/// `mailbox 1*append-message`
fn append<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, mailbox) = MailboxName::parse(input, cx)?;
    let (rest, messages) = AppendMessage::parse_all(rest, cx)?;
    Ok((rest, Command::Append { mailbox, messages }))
}

/// `seq-number SP mailbox append-message`
fn replace<'a>(input: &'a [u8], uid: bool, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, number) = nz_number(input)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, mailbox) = MailboxName::parse(rest, cx)?;
    let (rest, message) = AppendMessage::parse(rest, cx)?;
    Ok((rest, Command::Replace { uid, number, mailbox, message }))
}

/// `[search-return-opts SP] search-program`
fn search<'a>(input: &'a [u8], uid: bool, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, returns) = SearchReturn::parse_all(input, cx)?;
    let (rest, key) = search::parse_program(rest, cx)?;
    Ok((rest, Command::Search { uid, returns, key }))
}

/// `[search-return-opts SP] sort-criteria SP search-criteria`
fn sort<'a>(input: &'a [u8], uid: bool, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, returns) = SearchReturn::parse_all(input, cx)?;
    let (rest, (order, key)) = pair(rest, cx, SortKey::parse_all, search::parse_criteria)?;
    Ok((rest, Command::Sort { uid, returns, order, key }))
}

/// `thread-alg SP search-criteria`
fn thread<'a>(input: &'a [u8], uid: bool, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, (algorithm, key)) =
        pair(input, cx, |input, cx| thread::algorithm(input, cx), search::parse_criteria)?;
    Ok((rest, Command::Thread { uid, algorithm, key }))
}

/// `quoted *(SP quoted)`
fn cancel_update<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (mut rest, first) = text(input, cx)?;
    let mut tags = vec![first];
    while rest.first() == Some(&b' ') && !at_end(skip_spaces(rest)) {
        let tag;
        (rest, ()) = spaces(rest, cx)?;
        (rest, tag) = text(rest, cx)?;
        tags.push(tag);
    }
    Ok((rest, Command::CancelUpdate(tags)))
}

/// `mailbox SP identifier SP mod-rights`
fn set_acl<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, (mailbox, identifier)) = pair(input, cx, name, text)?;
    let (rest, ()) = spaces(rest, cx)?;
    let (rest, change) = RightsChange::parse(rest, cx)?;
    Ok((rest, Command::SetAcl { mailbox, identifier, change }))
}

/// ```abnf
/// store = sequence-set [store-modifiers] SP store-att-flags
/// store-modifiers = SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
/// ```
/// or, with `X-GM-EXT-1`, labels of which each is an astring or begins with a backslash:
/// ```abnf
/// store-att-flags =/ (["+" / "-"] "X-GM-LABELS" [".SILENT"]) SP ("(" [label *(SP label)] ")" / label)
/// ```
fn store<'a>(input: &'a [u8], uid: bool, cx: &mut Context<'a>) -> Parsing<'a, Command> {
    let (rest, set) = SequenceSet::parse(input)?;
    let (mut rest, ()) = spaces(rest, cx)?;
    let mut unchanged_since = None;
    if rest.first() == Some(&b'(') {
        let (behind, ()) = list(rest, cx, |input, cx| {
            let Some(rest) = keyword(input, "UNCHANGEDSINCE") else { return fail(input, "UNCHANGEDSINCE") };
            let (rest, modseq) = number64(spaces(rest, cx)?.0)?;
            unchanged_since = Some(modseq);
            Ok((rest, ()))
        })?;
        (rest, ()) = spaces(behind, cx)?;
    }
    let at = rest;
    let (rest, word) = atom(rest)?;
    let word = word.to_ascii_uppercase();
    let (action, name) = match word.split_first() {
        Some((b'+', name)) => (StoreAction::Add, name),
        Some((b'-', name)) => (StoreAction::Remove, name),
        _ => (StoreAction::Replace, word.as_slice()),
    };
    let (name, silent) = match name.strip_suffix(b".SILENT") {
        Some(name) => (name, true),
        None => (name, false),
    };
    if !matches!(name, b"FLAGS" | b"X-GM-LABELS") {
        return fail(at, "FLAGS");
    }
    let (rest, ()) = spaces(rest, cx)?;
    if name == b"X-GM-LABELS" {
        let (rest, labels) = labels(rest, cx)?;
        return Ok((rest, Command::StoreLabels { uid, set, action, silent, labels, unchanged_since }));
    }
    let (rest, flags) =
        if rest.first() == Some(&b'(') { flags::parse_list(rest, cx)? } else { flags(rest, cx)? };
    Ok((rest, Command::Store { uid, set, action, silent, flags, unchanged_since }))
}

fn labels<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Bytes>> {
    let label = |input: &'a [u8], cx: &mut Context<'a>| match input.first() {
        Some(b'\\') => Flag::parse_name(input, cx).map(|(rest, name)| (rest, cx.keep(name))),
        _ => text(input, cx),
    };
    let mut labels = Vec::new();
    if input.first() != Some(&b'(') {
        return label(input, cx).map(|(rest, label)| (rest, vec![label]));
    }
    let (rest, ()) = list(input, cx, |input, cx| {
        let (rest, label) = label(input, cx)?;
        labels.push(label);
        Ok((rest, ()))
    })?;
    Ok((rest, labels))
}

/// `flag *(SP flag)`
fn flags<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Vec<Flag>> {
    let mut flags = Vec::new();
    let mut rest = input;
    loop {
        let (behind, name) = Flag::parse_name(rest, cx)?;
        flags.push(Flag::new(cx.keep(name)));
        match behind {
            [b' ', behind @ ..] => rest = behind,
            _ => return Ok((behind, flags)),
        }
    }
}
