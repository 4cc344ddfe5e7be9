//! The lower half of a connection, whatever protocol is spoken over it: opening it, and moving its bytes.

mod alarm;
mod buffers;
mod deflate;
mod flow;
mod login;
mod opening;
mod protocol_log;
mod socket;
mod spoken;
mod upload;

pub(crate) use self::{
    alarm::Alarm,
    deflate::InflateError,
    flow::{Credit, Flow, Gate, Starved, Thirst},
    opening::{Deadlines, Opening},
    protocol_log::ProtocolLog,
    socket::Socket,
    spoken::{Protocol, Spoken},
    upload::{Feed, Intake, Piece, feed},
};
