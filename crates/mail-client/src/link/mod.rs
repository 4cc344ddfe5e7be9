//! The lower half of a connection, whatever protocol is spoken over it: opening it, and moving its bytes.

mod deflate;
mod login;
mod opening;
mod protocol_log;
mod socket;

pub(crate) use self::{
    deflate::InflateError,
    opening::{Deadlines, Opening},
    protocol_log::ProtocolLog,
    socket::Socket,
};
