//! The content of a message, kept as far as it may be shown.

use mail_facts::Content;

use super::LARGEST_SHOWN;

#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    len: u64,
}

impl Kept {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if self.len <= LARGEST_SHOWN as u64 {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.bytes = Vec::new();
        }
    }

    pub(super) fn content(&self) -> Content<'_> {
        match self.len == self.bytes.len() as u64 {
            true => Content::Whole(&self.bytes),
            false => Content::Length(self.len),
        }
    }
}
