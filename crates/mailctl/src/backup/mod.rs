//! Mail from a server to disk.

mod download;
mod listing;
mod writer;
