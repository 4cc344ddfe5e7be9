//! What the driver's seat is built on. Its model test puts those of a model checker in their place.

pub(super) use std::{
    sync::{Mutex, MutexGuard, atomic::AtomicU8},
    thread::{Thread, current, park, park_timeout},
};
