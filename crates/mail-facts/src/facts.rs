//! Facts by name, and how text that isn't UTF-8 is told.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What was read of a value, by name.
///
/// Of two facts of the same name the first stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Map<String, Value>);

/// The content of a literal or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// Only its length in bytes, since it is too large to be kept.
    Length(u64),
}

/// A fact with text in it.
pub(crate) enum Tree<'a> {
    Text(Cow<'a, [u8]>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// Something without text.
    Other(Value),
}

impl Content<'_> {
    /// The length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Length(len) => *len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Facts {
    /// The fact of this name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a JSON object.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Adds to a list of further values.
    pub(crate) fn push(&mut self, key: &str, more: Self) {
        let list = self.0.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(more.into_value());
        }
    }

    pub(crate) fn json(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        if !self.has(key) {
            self.0.insert(key.to_owned(), value.into());
        }
        self
    }

    /// Text; what isn't UTF-8 under the key with `_hex`. A NUL is UTF-8 and yet no text, so that has both.
    pub(crate) fn text(&mut self, key: &str, text: impl AsRef<[u8]>) -> &mut Self {
        let text = text.as_ref();
        if text.contains(&0) {
            self.json(&in_hex(key), hex(text));
        }
        match std::str::from_utf8(text) {
            Ok(text) => self.json(key, text),
            Err(_) => self.json(&in_hex(key), hex(text)),
        }
    }

    /// Text, or null.
    pub(crate) fn nullable(&mut self, key: &str, text: Option<impl AsRef<[u8]>>) -> &mut Self {
        match text {
            Some(text) => self.text(key, text),
            None => self.json(key, Value::Null),
        }
    }

    /// Content under a name that may end in `_text`; of what isn't there the length, under the name with `_len`.
    pub(crate) fn content(&mut self, key: &str, content: Option<Content<'_>>) -> &mut Self {
        match content {
            None => self.json(key, Value::Null),
            Some(Content::Whole(bytes)) => self.text(key, bytes),
            Some(Content::Length(len)) => self.json(&format!("{}_len", base(key)), len),
        }
    }

    /// Words of which only the letters matter.
    pub(crate) fn words<W: AsRef<[u8]>>(
        &mut self,
        key: &str,
        words: impl IntoIterator<Item = W>,
    ) -> &mut Self {
        let words = words.into_iter().map(|word| Tree::Text(word.as_ref().to_vec().into()));
        self.tree(key, Tree::List(words.collect()))
    }

    /// Text in a structure: all of it in hexadecimal if any of it isn't UTF-8.
    pub(crate) fn tree(&mut self, key: &str, tree: Tree<'_>) -> &mut Self {
        match tree.is_utf8() {
            true => self.json(key, tree.into_json(false)),
            false => self.json(&in_hex(key), tree.into_json(true)),
        }
    }
}

/// Facts that were written as JSON before.
impl From<Map<String, Value>> for Facts {
    fn from(facts: Map<String, Value>) -> Self {
        Self(facts)
    }
}

impl<'a> Tree<'a> {
    pub(crate) fn text(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Text(text.as_ref().into())
    }

    pub(crate) fn owned(text: impl Into<Vec<u8>>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    pub(crate) fn nullable(text: Option<Cow<'a, [u8]>>) -> Self {
        text.map_or(Self::Other(Value::Null), Self::Text)
    }

    fn is_utf8(&self) -> bool {
        match self {
            Self::Text(text) => std::str::from_utf8(text).is_ok(),
            Self::List(list) => list.iter().all(Self::is_utf8),
            Self::Map(map) => map.iter().all(|(_, value)| value.is_utf8()),
            Self::Other(_) => true,
        }
    }

    fn into_json(self, as_hex: bool) -> Value {
        match self {
            Self::Text(text) if as_hex => hex(&text).into(),
            Self::Text(text) => String::from_utf8_lossy(&text).into(),
            Self::List(list) => list.into_iter().map(|value| value.into_json(as_hex)).collect(),
            Self::Map(map) => map
                .into_iter()
                .map(|(name, value)| (name, value.into_json(as_hex)))
                .collect::<Map<_, _>>()
                .into(),
            Self::Other(value) => value,
        }
    }
}

/// The bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

/// The name of a fact without its form.
pub(crate) fn base(key: &str) -> &str {
    key.strip_suffix("_text").unwrap_or(key)
}

fn in_hex(key: &str) -> String {
    format!("{}_hex", base(key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_utf8_is_told_in_hexadecimal() {
        let mut facts = Facts::default();
        facts
            .text("section_text", b"a\xff")
            .text("subject", "ä")
            .text("subject", "second")
            .text("nul", b"\0");
        facts.tree("pair", Tree::List(vec![Tree::text("a"), Tree::text(b"\xe9"), Tree::Other(Value::Null)]));
        facts.content("body", Some(Content::Length(9))).nullable("id", None::<&str>);
        let expected = json!({
            "section_hex": "61ff", "subject": "ä", "nul": "\0", "nul_hex": "00", "pair_hex": ["61", "e9", null],
            "body_len": 9, "id": null,
        });
        assert_eq!(facts.into_value(), expected);
    }
}
