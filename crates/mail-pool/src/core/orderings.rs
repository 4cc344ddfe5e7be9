//! Small cases in every order: the shell does each step under the one lock, so the orders of the steps are all the interleavings that there are.

use super::happenings::Op;
use super::model::World;
use super::waiter::Fate;
use crate::assignment::Assignment;
use crate::manager::{Class, Kind};

/// What some go through, each in his own order, against what all others do.
type Script = Vec<Op>;

fn acquire(context: u8) -> Op {
    Op::Acquire { context, kind: Kind::Independent, patient: true, spares: false }
}

fn spare(context: u8) -> Op {
    Op::Acquire { context, kind: Kind::Independent, patient: true, spares: true }
}

/// Runs every order of the scripts' steps. How many there are.
fn every_order(before: &[Op], scripts: &[Script], mode: Assignment, max: usize) -> usize {
    let mut orders = 0;
    let mut order = Vec::new();
    let mut at = vec![0; scripts.len()];
    extend(before, scripts, &mut at, &mut order, &mut orders, mode, max);
    orders
}

fn extend(
    before: &[Op],
    scripts: &[Script],
    at: &mut [usize],
    order: &mut Vec<Op>,
    orders: &mut usize,
    mode: Assignment,
    max: usize,
) {
    let mut over = true;
    for script in 0..scripts.len() {
        let Some(step) = scripts[script].get(at[script]) else {
            continue;
        };
        over = false;
        at[script] += 1;
        order.push(step.clone());
        extend(before, scripts, at, order, orders, mode, max);
        order.pop();
        at[script] -= 1;
    }
    if over {
        *orders += 1;
        let mut world = World::new(mode, max, 3, false);
        for op in before.iter().chain(order.iter()) {
            world.apply(op.clone());
            world.assert_nobody_sleeps_on_something();
        }
        world.wind_up(16);
    }
}

/// One extra that somebody holds.
fn held() -> Vec<Op> {
    vec![acquire(0), Op::Dialled(0), Op::Look(0)]
}

#[test]
fn two_who_wait_one_who_leaves_and_one_who_gives_back() {
    let scripts = [
        vec![acquire(1), Op::Look(0), Op::Look(1)],
        vec![acquire(2), Op::Cancel(1)],
        vec![Op::PutBack(0, false)],
        vec![Op::Look(1), Op::Pass(1_100)],
    ];
    assert_eq!(every_order(&held(), &scripts, Assignment::Default, 1), 1_680);
}

#[test]
fn closing_amid_a_dial_a_wait_and_a_return() {
    let scripts = [
        vec![acquire(1), Op::Look(0)],
        vec![Op::Dialled(0), Op::Closed(0)],
        vec![Op::Release(0, Fate::Close)],
        vec![Op::ShutDown],
        vec![Op::AwaitMain { context: 2 }],
    ];
    assert_eq!(every_order(&held(), &scripts, Assignment::MainOrDefault, 3), 1_260);
}

#[test]
fn resizing_amid_waits_and_returns() {
    let scripts = [
        vec![acquire(1), Op::Look(0)],
        vec![Op::SetMax(1), Op::SetMax(3)],
        vec![Op::PutBack(0, true)],
        vec![Op::Dialled(0), Op::Closed(0)],
    ];
    assert_eq!(every_order(&held(), &scripts, Assignment::MainOrDefault, 2), 630);
}

#[test]
fn one_who_leaves_the_last_to_others_amid_those_who_dont() {
    let scripts = [
        vec![spare(1), Op::Look(0)],
        vec![acquire(2), Op::Look(1)],
        vec![Op::Dialled(0), Op::Dialled(0)],
        vec![Op::PutBack(0, true)],
    ];
    assert_eq!(every_order(&held(), &scripts, Assignment::Default, 2), 630);
}

#[test]
fn a_refusal_amid_waits_a_lost_connection_and_its_repair() {
    let scripts = [
        vec![acquire(1), Op::Cancel(0)],
        vec![Op::Lost(0), Op::Repair(0), Op::Look(0)],
        vec![Op::Refused(0, Class::Limit)],
        vec![Op::Dialled(0)],
    ];
    assert_eq!(every_order(&held(), &scripts, Assignment::Default, 2), 420);
}
