//! What to ask for.

use mail_proto::imap::fetch::{FetchItem, Partial, Section, SectionText};

/// What to fetch of each message (RFC 9051 section 6.4.5). The UID always comes with it.
///
/// ```
/// use mail_client::imap::{FetchItems, SectionText};
///
/// let overview = FetchItems::new().flags().size().envelope().header_fields(["List-Id", "References"]);
/// let attachment = FetchItems::new().part(&[2], SectionText::All);
/// # let _ = (overview, attachment);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchItems {
    /// What is small, and so comes first.
    facts: Vec<FetchItem>,
    content: Vec<FetchItem>,
}

impl FetchItems {
    /// Nothing but the UID.
    pub fn new() -> Self {
        Self::default()
    }

    /// And the flags.
    #[must_use]
    pub fn flags(self) -> Self {
        self.item(FetchItem::Flags)
    }

    /// And the size in bytes, as the server reckons it.
    #[must_use]
    pub fn size(self) -> Self {
        self.item(FetchItem::Size)
    }

    /// And the date at which the message came to the server.
    #[must_use]
    pub fn internal_date(self) -> Self {
        self.item(FetchItem::InternalDate)
    }

    /// And the mod-sequence, which grows with every change (RFC 7162).
    #[must_use]
    pub fn mod_seq(self) -> Self {
        self.item(FetchItem::ModSeq)
    }

    /// And the envelope: subject, date and addresses, as the server read them.
    #[must_use]
    pub fn envelope(self) -> Self {
        self.item(FetchItem::Envelope)
    }

    /// And the structure: the parts with their types, names and sizes.
    #[must_use]
    pub fn body_structure(self) -> Self {
        self.item(FetchItem::BodyStructure)
    }

    /// And the first words of the text, as the server made them out (RFC 8970).
    #[must_use]
    pub fn preview(self) -> Self {
        self.item(FetchItem::Preview { lazy: false })
    }

    /// And the whole message, without setting `\Seen`.
    #[must_use]
    pub fn body(self) -> Self {
        self.section(Section::all())
    }

    /// And the header, without setting `\Seen`.
    #[must_use]
    pub fn header(self) -> Self {
        self.section(Section { part: Vec::new(), text: SectionText::Header })
    }

    /// And these fields of the header, without setting `\Seen`.
    #[must_use]
    pub fn header_fields<N: AsRef<[u8]>>(self, names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter().map(|name| name.as_ref().to_vec().into()).collect();
        self.section(Section { part: Vec::new(), text: SectionText::HeaderFields(names) })
    }

    /// And all but the header, without setting `\Seen`.
    #[must_use]
    pub fn text(self) -> Self {
        self.section(Section { part: Vec::new(), text: SectionText::Text })
    }

    /// And this of a part, without setting `\Seen`. A part is named by its numbers from the outermost multipart
    /// inwards, as a [`BodyStructure`](crate::imap::BodyStructure) tells them.
    #[must_use]
    pub fn part(self, part: &[u32], text: SectionText) -> Self {
        self.section(Section { part: part.to_vec(), text })
    }

    /// And this section, without setting `\Seen`.
    #[must_use]
    pub fn section(self, section: Section) -> Self {
        self.item(FetchItem::Body { section, peek: true, partial: None })
    }

    /// And a part without its transfer encoding, without setting `\Seen` (`BINARY.PEEK`, RFC 3516).
    #[must_use]
    pub fn binary(self, part: &[u32]) -> Self {
        self.item(FetchItem::Binary { part: part.to_vec(), peek: true, partial: None })
    }

    /// And anything else that FETCH can be asked for. A section without `PEEK` sets `\Seen`.
    #[must_use]
    pub fn item(mut self, item: FetchItem) -> Self {
        let list = if content(&item).is_some() { &mut self.content } else { &mut self.facts };
        if item != FetchItem::Uid && !list.contains(&item) {
            list.push(item);
        }
        self
    }

    /// Whether content is asked for, which may be large.
    pub(super) fn has_content(&self) -> bool {
        !self.content.is_empty()
    }

    /// Whether the whole message is asked for.
    pub(super) fn has_body(&self) -> bool {
        self.content.iter().any(is_message)
    }

    /// The item that asks for this content.
    pub(super) fn asking_for(&self, name: &[u8]) -> Option<&FetchItem> {
        self.content.iter().find(|item| item.is_answered_by(name))
    }

    /// The items in the order in which servers answer: the UID first, so that it is known before content comes. Of
    /// content that may be large no more than `at_most` bytes.
    pub(super) fn to_command(&self, at_most: Option<u32>) -> Vec<FetchItem> {
        let content = self.content.iter().map(|item| match at_most {
            Some(len) => first_part(item, len),
            None => item.clone(),
        });
        std::iter::once(FetchItem::Uid).chain(self.facts.iter().cloned()).chain(content).collect()
    }
}

/// The bounds that content was asked for with; `None` for an item that isn't content.
fn content(item: &FetchItem) -> Option<&Option<Partial>> {
    match item {
        FetchItem::Body { partial, .. } | FetchItem::Binary { partial, .. } => Some(partial),
        _ => None,
    }
}

fn is_message(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Body { section, partial: None, .. } if *section == Section::all())
}

/// Of content that may be large, its first part.
fn first_part(item: &FetchItem, len: u32) -> FetchItem {
    let is_small = matches!(
        item,
        FetchItem::Body { section: Section { text, .. }, .. }
            if !matches!(text, SectionText::All | SectionText::Text)
    );
    match content(item) {
        Some(None) if !is_small => part(item, 0, len),
        _ => item.clone(),
    }
}

/// The same content, of it only so many bytes from this offset on.
pub(super) fn part(item: &FetchItem, offset: u32, len: u32) -> FetchItem {
    let mut item = item.clone();
    if let FetchItem::Body { partial, .. } | FetchItem::Binary { partial, .. } = &mut item {
        *partial = Some(Partial { offset, len });
    }
    item
}
