//! Under construction.

pub mod transport;
