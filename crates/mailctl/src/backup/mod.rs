//! Mail from a server to disk.

mod listing;
mod writer;
