//! ESEARCH, the command: a search of several mailboxes (RFC 7377).

use super::{
    encode::Encoder,
    mailbox_filter::MailboxFilter,
    search::{self, SearchReturn},
    search_key::SearchKey,
    terminals::{Context, Parsing, any_value, byte, fail, keyword, spaces},
};

/// A search of several mailboxes; the answers say which mailbox each is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiSearch {
    /// Which mailboxes; the selected one if there are none.
    pub mailboxes: Vec<MailboxFilter>,
    /// What is to be told; all numbers if it isn't said.
    pub returns: Option<Vec<SearchReturn>>,
    /// The condition.
    pub key: SearchKey,
}

impl MultiSearch {
    /// `"ESEARCH" [SP "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"] [search-return-opts] SP search-program`,
    /// behind the word and a space.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut mailboxes = Vec::new();
        let mut rest = input;
        if let Some(behind) = keyword(rest, "IN") {
            (rest, ()) = spaces(behind, cx)?;
            (rest, ()) = byte(b'(', "\"(\"")(rest)?;
            loop {
                let filter;
                (rest, filter) = MailboxFilter::parse(rest, cx)?;
                mailboxes.push(filter);
                match rest {
                    [b')', behind @ ..] => {
                        rest = behind;
                        break;
                    }
                    // No scope option is defined.
                    [b' ', b'(', ..] => {
                        (rest, ()) = any_value(&rest[1..], cx)?;
                        (rest, ()) = byte(b')', "\")\"")(rest)?;
                        break;
                    }
                    [b' ', behind @ ..] => rest = behind,
                    _ => return fail(rest, "a space or \")\""),
                }
            }
            (rest, ()) = spaces(rest, cx)?;
        }
        let (rest, returns) = SearchReturn::parse_all(rest, cx)?;
        let (rest, key) = search::parse_program(rest, cx)?;
        Ok((rest, Self { mailboxes, returns, key }))
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        if !self.mailboxes.is_empty() {
            out.raw("IN ").list(&self.mailboxes, |out, filter| filter.encode(out)).raw(" ");
        }
        SearchReturn::encode_all(self.returns.as_deref(), out);
        search::encode_program(&self.key, out);
    }
}
