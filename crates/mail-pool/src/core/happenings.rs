//! What may happen to a pool, in any order: what the [model](super::model) is tried with.

use std::time::Duration;

use proptest::prelude::*;

use super::waiter::Fate;
use crate::manager::{Class, Kind};

/// What may happen. Numbers pick among what there is, modulo how many there are.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Acquire {
        context: u8,
        kind: Kind,
        patient: bool,
        spares: bool,
    },
    AcquireIfFree {
        context: u8,
    },
    AwaitMain {
        context: u8,
    },
    Look(usize),
    Cancel(usize),
    Dialled(usize),
    Refused(usize, Class),
    Undialled(usize),
    Checked(usize, bool),
    Reset(usize, bool),
    Closed(usize),
    Release(usize, Fate),
    /// Whether the time is told.
    PutBack(usize, bool),
    Lost(usize),
    Repair(usize),
    CheckHeld(usize),
    LoseMain,
    Disown(u8),
    Pass(u64),
    SetMax(usize),
    RetryLogin,
    LimitReported,
    ShutDown,
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        4 => Just(Class::Limit),
        2 => Just(Class::Transient),
        1 => Just(Class::Outage),
        1 => Just(Class::Throttled(Some(Duration::from_secs(3)))),
        1 => Just(Class::Throttled(None)),
        2 => Just(Class::Refused),
        1 => Just(Class::Permanent),
    ]
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(Kind::Independent), Just(Kind::Default), Just(Kind::Operation)];
    let fate = prop_oneof![
        3 => Just(Fate::Keep),
        1 => Just(Fate::Reset),
        1 => Just(Fate::Close),
        1 => Just(Fate::Broken)
    ];
    let n = 0..64usize;
    prop_oneof![
        12 => (0..4u8, kind, any::<bool>(), 0..4u8).prop_map(|(context, kind, patient, n)| {
            let spares = kind == Kind::Independent && n == 0;
            Op::Acquire { context, kind, patient, spares }
        }),
        2 => (0..4u8).prop_map(|context| Op::AcquireIfFree { context }),
        3 => (0..4u8).prop_map(|context| Op::AwaitMain { context }),
        10 => n.clone().prop_map(Op::Look),
        3 => n.clone().prop_map(Op::Cancel),
        10 => n.clone().prop_map(Op::Dialled),
        3 => (n.clone(), class()).prop_map(|(n, class)| Op::Refused(n, class)),
        1 => n.clone().prop_map(Op::Undialled),
        3 => (n.clone(), any::<bool>()).prop_map(|(n, alive)| Op::Checked(n, alive)),
        3 => (n.clone(), any::<bool>()).prop_map(|(n, keep)| Op::Reset(n, keep)),
        4 => n.clone().prop_map(Op::Closed),
        6 => (n.clone(), fate).prop_map(|(n, fate)| Op::Release(n, fate)),
        4 => (n.clone(), any::<bool>()).prop_map(|(n, told)| Op::PutBack(n, told)),
        2 => n.clone().prop_map(Op::Lost),
        2 => n.clone().prop_map(Op::Repair),
        1 => n.prop_map(Op::CheckHeld),
        1 => Just(Op::LoseMain),
        1 => (0..4u8).prop_map(Op::Disown),
        6 => prop_oneof![Just(10u64), Just(600), Just(1_100), Just(16_000), Just(31_000), Just(90_000)].prop_map(Op::Pass),
        1 => (1..6usize).prop_map(Op::SetMax),
        1 => Just(Op::RetryLogin),
        1 => Just(Op::LimitReported),
        1 => prop_oneof![30 => Just(Op::RetryLogin), 1 => Just(Op::ShutDown)],
    ]
}
