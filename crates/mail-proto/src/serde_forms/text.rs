//! Bytes, which are text nearly always.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Form, Misfit};

/// Bytes as a string if they are UTF-8, and as a list of numbers if not; in a format that isn't for people, as bytes.
pub(super) struct Text(pub(super) Bytes);

impl Text {
    pub(super) fn copied(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_seq(self.0.iter()),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Visitor)
        } else {
            deserializer.deserialize_byte_buf(Visitor)
        }
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Text, E> {
        self.visit_byte_buf(text.into_bytes())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
        Ok(Text::copied(bytes))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Text, E> {
        Ok(Text(bytes.into()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        // What the list says of its length is the peer's word.
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(Text(bytes.into()))
    }
}

impl Form for Bytes {
    type Written = Text;

    fn to_written(&self) -> Result<Text, Misfit> {
        Ok(Text(self.clone()))
    }

    fn from_written(Text(bytes): Text) -> Result<Self, Misfit> {
        Ok(bytes)
    }
}
