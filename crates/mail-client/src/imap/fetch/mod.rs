//! Fetching messages: what to ask for, in which portions, over how many connections, and the stream that comes of it.

mod body;
mod items;
mod joining;
mod lanes;
mod message;
mod more;
mod order;
mod parts;
mod sections;
mod stream;
mod windows;

pub use self::{
    body::{Body, BodyReader},
    items::FetchItems,
    message::Message,
    sections::{SectionContent, Sections},
    stream::FetchStream,
};
