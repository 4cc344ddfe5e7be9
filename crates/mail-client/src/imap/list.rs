//! LIST: which mailboxes there are, and what is to be known of them, in one round trip (RFC 9051 section 6.3.9,
//! RFC 5258, RFC 5819, RFC 6154).

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    future::{try_join, try_join_all},
    stream,
};
use mail_proto::imap::{
    Capabilities, Capability, Command, List, ListOptions, ListReturn, ListSelect, MailboxAttribute,
    MailboxAttributes, MailboxName, MailboxStatus, StatusItem, client::Request, response::Untagged,
};

use super::{
    ImapClient,
    calls::Calls,
    connection::{Answer, Unread},
    status,
};
use crate::error::{Cause, Error, Result};

/// Which mailboxes to list, and whether with numbers of them.
///
/// In patterns `*` stands for anything and `%` for anything within a level.
///
/// ```
/// use mail_client::imap::{ListQuery, StatusItem};
///
/// let query = ListQuery::new("Archive/*").subscribed_only().with_status([StatusItem::Unseen]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    reference: MailboxName,
    patterns: Vec<MailboxName>,
    subscribed_only: bool,
    special_use_only: bool,
    status: Vec<StatusItem>,
}

impl ListQuery {
    /// The mailboxes whose names match.
    pub fn new(pattern: impl Into<MailboxName>) -> Self {
        Self {
            reference: MailboxName::from_wire(Bytes::new()),
            patterns: vec![pattern.into()],
            subscribed_only: false,
            special_use_only: false,
            status: Vec::new(),
        }
    }

    /// All mailboxes.
    pub fn all() -> Self {
        Self::new("*")
    }

    /// And those whose names match this.
    #[must_use]
    pub fn or(mut self, pattern: impl Into<MailboxName>) -> Self {
        self.patterns.push(pattern.into());
        self
    }

    /// The patterns are relative to this; what that means is the server's to say (RFC 9051 section 6.3.9).
    #[must_use]
    pub fn relative_to(mut self, reference: impl Into<MailboxName>) -> Self {
        self.reference = reference.into();
        self
    }

    /// Only those that are subscribed to, those among them that don't exist included.
    #[must_use]
    pub fn subscribed_only(mut self) -> Self {
        self.subscribed_only = true;
        self
    }

    /// Only those with a special use (RFC 6154).
    #[must_use]
    pub fn special_use_only(mut self) -> Self {
        self.special_use_only = true;
        self
    }

    /// With these numbers of each that can be selected.
    #[must_use]
    pub fn with_status(mut self, items: impl IntoIterator<Item = StatusItem>) -> Self {
        self.status.extend(items);
        self
    }
}

/// A mailbox as it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMailbox {
    list: List,
    status: Option<MailboxStatus>,
}

impl ListedMailbox {
    /// Its name.
    pub fn name(&self) -> &MailboxName {
        &self.list.mailbox
    }

    /// What separates the levels of its name; `None` if names have no levels.
    pub fn delimiter(&self) -> Option<u8> {
        self.list.delimiter
    }

    /// All that the server says of it, and [`Subscribed`](MailboxAttribute::Subscribed) if it is.
    pub fn attributes(&self) -> &MailboxAttributes {
        &self.list.attributes
    }

    /// What it is for (RFC 6154, RFC 8457), as far as the server says.
    pub fn special_uses(&self) -> impl Iterator<Item = &MailboxAttribute> {
        self.list.attributes.iter().filter(|attribute| is_special_use(attribute))
    }

    /// Whether it is subscribed to.
    pub fn is_subscribed(&self) -> bool {
        self.has(&MailboxAttribute::Subscribed)
    }

    /// Whether it can be selected.
    pub fn is_selectable(&self) -> bool {
        self.list.is_selectable()
    }

    /// Whether there are mailboxes below it, if the server says (RFC 3348).
    pub fn has_children(&self) -> Option<bool> {
        match (self.has(&MailboxAttribute::HasChildren), self.has(&MailboxAttribute::HasNoChildren)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) if self.has(&MailboxAttribute::NoInferiors) => Some(false),
            (false, false) => None,
        }
    }

    /// Its numbers, if they were asked for and could be had.
    pub fn status(&self) -> Option<&MailboxStatus> {
        self.status.as_ref()
    }

    /// The mailbox as LIST told of it.
    pub fn as_list(&self) -> &List {
        &self.list
    }

    fn has(&self, attribute: &MailboxAttribute) -> bool {
        self.list.attributes.contains(attribute)
    }
}

impl ImapClient {
    /// Lists the mailboxes whose names match (RFC 9051 section 6.3.9). In the pattern `*` stands for anything and `%`
    /// for anything within a level; it is relative to the reference, which mostly is empty. Both are text, as people
    /// read it; a name that is no text can be given as [`MailboxName::from_wire`].
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// for found in client.list("", "Entwürfe/%").await? {
    ///     println!("{}", found.mailbox);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, or can't be reached; or it tells of a mailbox in a way that can't be read: then
    /// [`Error::listed`](crate::Error::listed) has those that can.
    pub async fn list(
        &self,
        reference: impl Into<MailboxName>,
        pattern: impl Into<MailboxName>,
    ) -> Result<Vec<List>> {
        let command = Command::list(bytes(&reference.into()), bytes(&pattern.into()));
        let Listing { found, unread } = list(self.calls(), command).await?;
        if !unread.is_empty() {
            let listed = found.into_iter().map(|list| ListedMailbox { list, status: None }).collect();
            return Err(partly(self.calls(), listed, unread));
        }
        Ok(found)
    }

    /// Lists mailboxes with their special uses, whether they are subscribed to and, if asked for, numbers of them.
    ///
    /// With LIST-EXTENDED and LIST-STATUS that is one command (RFC 5258, RFC 5819); without, LIST, LSUB and a STATUS
    /// for each mailbox go out together, and the result is the same.
    ///
    /// ```no_run
    /// # async fn example(client: mail_client::imap::ImapClient) -> mail_client::Result<()> {
    /// use mail_client::imap::{ListQuery, MailboxAttribute, MailboxAttributes, StatusItem};
    ///
    /// let query = ListQuery::all().with_status([StatusItem::Messages, StatusItem::Unseen]);
    /// for mailbox in client.list_mailboxes(query).await? {
    ///     let unseen = mailbox.status().and_then(|status| status.get(StatusItem::Unseen));
    ///     let is_trash = mailbox.special_uses().any(|use_| *use_ == MailboxAttribute::Trash);
    ///     println!("{}: {unseen:?} unseen, subscribed: {}", mailbox.name(), mailbox.is_subscribed());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server refuses, or can't be reached; it knows none of the numbers
    /// ([`Unsupported`](crate::ErrorKind::Unsupported)); or it tells of a mailbox in a way that can't be read
    /// ([`Protocol`](crate::ErrorKind::Protocol)): then [`Error::listed`](crate::Error::listed) has the mailboxes that
    /// can, and [`Error::unreadable`](crate::Error::unreadable) what was told of the others, or of their numbers.
    pub async fn list_mailboxes(&self, query: ListQuery) -> Result<Vec<ListedMailbox>> {
        let this = self.in_one_call();
        let calls = this.calls();
        let capabilities = calls.connection_in_time().await?.capabilities().clone();
        let items = match &query.status[..] {
            [] => Vec::new(),
            items => status::known(items, &capabilities)
                .map_err(|capability| calls.unsupported(capability, "LIST"))?,
        };
        let mut listing = if capabilities.supports(&Capability::ListExtended) {
            extended(calls, &query, &items, &capabilities).await?
        } else {
            plain(calls, &query).await?
        };
        if query.special_use_only {
            listing.found.retain(|mailbox| mailbox.special_uses().next().is_some());
        }
        let is_told = listing.found.iter().any(|mailbox| mailbox.status.is_some());
        if !items.is_empty() && !is_told {
            listing = with_status(calls, listing, &items).await?;
        }
        if !listing.unread.is_empty() {
            return Err(partly(calls, listing.found, listing.unread));
        }
        Ok(listing.found)
    }
}

fn bytes(name: &MailboxName) -> Bytes {
    Bytes::copy_from_slice(name.as_bytes())
}

fn is_special_use(attribute: &MailboxAttribute) -> bool {
    matches!(
        attribute,
        MailboxAttribute::All
            | MailboxAttribute::Archive
            | MailboxAttribute::Drafts
            | MailboxAttribute::Flagged
            | MailboxAttribute::Important
            | MailboxAttribute::Junk
            | MailboxAttribute::Sent
            | MailboxAttribute::Trash
    )
}

/// What was told, and what was told and can't be read.
struct Listing<T> {
    found: Vec<T>,
    unread: Unread,
}

/// The error of a list of which this can't be read, and this can.
fn partly(calls: &Calls, listed: Vec<ListedMailbox>, unread: Unread) -> Error {
    let lines = unread.as_slice().into();
    calls.here(Error::new(Cause::Unread { lines, listed: listed.into() })).in_command("LIST", None)
}

async fn list(calls: &Calls, command: Command) -> Result<Listing<List>> {
    let Answer { data, unread, .. } = calls.run(Request::new(command)).await?;
    let lists = data.into_iter().filter_map(|data| match data {
        Untagged::List(list) | Untagged::Lsub(list) => Some(list),
        _ => None,
    });
    Ok(Listing { found: lists.collect(), unread })
}

/// By one command that tells all.
async fn extended(
    calls: &Calls,
    query: &ListQuery,
    items: &[StatusItem],
    capabilities: &Capabilities,
) -> Result<Listing<ListedMailbox>> {
    let mut options = ListOptions::default().telling(ListReturn::Subscribed).telling(ListReturn::Children);
    if query.subscribed_only {
        options = options.only(ListSelect::Subscribed);
    }
    if capabilities.has(&Capability::SpecialUse) {
        options = options.telling(ListReturn::SpecialUse);
        if query.special_use_only {
            options = options.only(ListSelect::SpecialUse);
        }
    }
    if !items.is_empty() && capabilities.supports(&Capability::ListStatus) {
        options = options.telling(ListReturn::Status(items.to_vec()));
    }
    let reference = bytes(&query.reference);
    let patterns = query.patterns.iter().map(bytes).collect();
    let request = Request::new(Command::List { reference, patterns, options });
    let Answer { data, unread, .. } = calls.run(request).await?;
    let mut found = Vec::new();
    let mut told = HashMap::new();
    for data in data {
        match data {
            Untagged::List(list) => found.push(ListedMailbox { list, status: None }),
            Untagged::MailboxStatus(status) => drop(told.insert(status.mailbox.clone(), status)),
            _ => {}
        }
    }
    for mailbox in &mut found {
        mailbox.status = told.remove(&mailbox.list.mailbox);
    }
    Ok(Listing { found, unread })
}

/// By a LIST and an LSUB for each pattern.
async fn plain(calls: &Calls, query: &ListQuery) -> Result<Listing<ListedMailbox>> {
    let reference = || bytes(&query.reference);
    let lists = query.patterns.iter().map(|pattern| list(calls, Command::list(reference(), bytes(pattern))));
    let subscribed = query.patterns.iter().map(async |name| {
        let (reference, pattern) = (reference(), bytes(name));
        let by_level = pattern.contains(&b'%');
        let Listing { found: mut lists, unread } = list(calls, Command::Lsub { reference, pattern }).await?;
        // Such a one isn't itself subscribed to, but one below it is: one that the pattern doesn't reach, or with Courier
        // any.
        let stands_for_others = |list: &List| {
            let is_below = |other: &List| {
                let below = other.mailbox.as_bytes().strip_prefix(list.mailbox.as_bytes());
                below.is_some_and(|below| below.first().is_some_and(|first| Some(*first) == list.delimiter))
            };
            list.attributes.contains(&MailboxAttribute::NoSelect) && (by_level || lists.iter().any(is_below))
        };
        let kept: Vec<bool> = lists.iter().map(|list| !stands_for_others(list)).collect();
        let mut kept = kept.into_iter();
        lists.retain(|_| kept.next().unwrap_or(true));
        Ok(Listing { found: lists, unread })
    });
    let (lists, subscribed) = try_join(try_join_all(lists), try_join_all(subscribed)).await?;
    let mut unread = Unread::default();
    let mut readable = |listing: Listing<List>| {
        unread.append(listing.unread);
        listing.found
    };
    let mut found: Vec<ListedMailbox> = Vec::new();
    let mut places = HashMap::new();
    for list in lists.into_iter().flat_map(&mut readable) {
        places.entry(list.mailbox.clone()).or_insert_with(|| {
            found.push(ListedMailbox { list, status: None });
            found.len() - 1
        });
    }
    for list in subscribed.into_iter().flat_map(&mut readable) {
        match places.get(&list.mailbox) {
            Some(place) if found[*place].is_subscribed() => {}
            Some(place) => found[*place].list.attributes.insert(MailboxAttribute::Subscribed),
            None if query.subscribed_only => {
                places.insert(list.mailbox.clone(), found.len());
                let attributes = [MailboxAttribute::NonExistent, MailboxAttribute::Subscribed].into();
                found.push(ListedMailbox { list: List { attributes, ..list }, status: None });
            }
            None => {}
        }
    }
    if query.subscribed_only {
        found.retain(ListedMailbox::is_subscribed);
    }
    Ok(Listing { found, unread })
}

/// So many STATUS commands are under way at a time.
const AT_ONCE: usize = 64;

/// By a STATUS for each mailbox.
async fn with_status(
    calls: &Calls,
    listing: Listing<ListedMailbox>,
    items: &[StatusItem],
) -> Result<Listing<ListedMailbox>> {
    let Listing { found, mut unread } = listing;
    let asked = found.into_iter().map(async |mut mailbox| {
        if !mailbox.is_selectable() {
            return Ok((mailbox, None));
        }
        match status::ask(calls, mailbox.name(), items).await {
            Ok(status) => mailbox.status = Some(status),
            // It went meanwhile, or isn't for this user to see.
            Err(error) if error.is_no() && !error.is_retryable() => {}
            Err(error) if !error.unreadable().is_empty() => return Ok((mailbox, Some(error))),
            Err(error) => return Err(error),
        }
        Ok((mailbox, None))
    });
    let mut told = stream::iter(asked).buffered(AT_ONCE);
    let mut found = Vec::new();
    while let Some((mailbox, error)) = told.try_next().await? {
        found.push(mailbox);
        error.iter().flat_map(Error::unreadable).for_each(|line| unread.push(line.clone()));
    }
    Ok(Listing { found, unread })
}
