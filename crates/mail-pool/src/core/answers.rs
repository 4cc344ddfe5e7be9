//! What single steps answer, exactly: where the [model](super::model) allows either, or only the time saved would show it.

use std::time::Duration;

use super::desk::{Desk, by, never};
use super::model::{Id, holder};
use super::orders::{Job, Note, Out};
use super::rules::{Holder, MAIN, SlotId};
use super::slot::{Repair, State};
use super::timers::ROUND;
use super::waiter::{Failure, Fate, Look, Take};
use crate::assignment::Assignment;
use crate::manager::{Class, Kind};

#[test]
fn what_is_idle_is_had_at_once_also_past_one_who_sleeps() {
    let mut desk = Desk::new(Assignment::Default, 1);
    let slot = desk.hold(by(1));
    let deaf = desk.waits(by(2));
    desk.give_back(slot, Fate::Keep);
    desk.pass(Duration::from_millis(1_100));
    assert_eq!((desk.core.lapsed, desk.core.idle.len()), (1, 1));
    assert!(matches!(desk.ask(by(3)), Take::Got { .. }));
    assert!(matches!(desk.look(deaf), Look::Pending));
}

#[test]
fn an_owner_has_his_own_at_once_though_others_wait_for_a_dial() {
    let mut desk = Desk::new(Assignment::Default, 3);
    let owner = holder(1, Kind::Default, true);
    let own = desk.hold(owner);
    desk.give_back(own, Fate::Keep);
    desk.waits(by(2));
    assert!(matches!(desk.ask(owner), Take::Got { slot, .. } if slot == own));
}

#[test]
fn one_who_leaves_the_last_has_what_is_idle_at_once_only_if_it_is_not_the_last() {
    let spare = Holder { spares: true, ..by(5) };
    let mut desk = Desk::new(Assignment::Default, 2);
    let first = desk.hold(by(1));
    let second = desk.hold(by(2));
    desk.give_back(first, Fate::Keep);
    desk.waits(spare);
    desk.give_back(second, Fate::Keep);

    let mut desk = Desk::new(Assignment::Default, 2);
    let first = desk.hold(by(1));
    desk.give_back(first, Fate::Keep);
    // A slot is free besides.
    assert!(matches!(desk.ask(spare), Take::Got { .. }));
}

#[test]
fn who_tells_no_time_is_looked_after_within_a_round_and_nobody_else_is() {
    for (brief, mode) in [(true, Assignment::Default), (false, Assignment::Default)] {
        let mut desk = Desk::new(mode, 2);
        let slot = desk.hold(by(1));
        desk.give_back(slot, Fate::Keep);
        desk.pass(Duration::from_secs(2));
        let alarm = desk.core.alarm;
        assert!(alarm > Some(desk.now + ROUND));
        let take = desk.ask(Holder { brief, ..by(1) });
        assert!(matches!(take, Take::Got { .. }));
        assert_eq!(desk.out.rouse, brief);
        assert_eq!(desk.core.alarm, if brief { Some(desk.now + ROUND) } else { alarm });
        desk.pass(ROUND);
        assert_eq!(desk.core.alarm, brief.then_some(desk.now + ROUND));
    }
}

#[test]
fn nobody_gets_one_for_free_while_another_waits_or_nothing_may_be_dialled() {
    let mut desk = Desk::new(Assignment::Default, 4);
    let slot = desk.hold(by(1));
    desk.waits(by(2));
    assert!(desk.ask_if_free().is_none(), "somebody waits for a dial");

    let mut desk = Desk::new(Assignment::Default, 4);
    desk.hold(by(1));
    assert!(matches!(desk.ask_if_free(), Some(Take::Wait(_))), "it may be dialled");

    let mut desk = Desk::new(Assignment::Default, 4);
    let key = desk.waits(by(1));
    desk.refused(slot, Class::Transient);
    assert!(matches!(desk.look(key), Look::Told(_)));
    assert!(desk.ask_if_free().is_none(), "dialling backs off");

    let mut desk = Desk::new(Assignment::Default, 1);
    desk.hold(by(1));
    assert!(desk.ask_if_free().is_none(), "there is no room");

    let mut desk = Desk::new(Assignment::Default, 4);
    desk.core.shut_down(desk.now, &mut Out::new());
    assert!(desk.ask_if_free().is_none(), "it is closed");
}

#[test]
fn with_the_login_blocked_one_waits_for_what_is_open_and_is_told_at_once_if_nothing_is() {
    let mut desk = Desk::new(Assignment::Default, 4);
    let key = desk.waits(by(1));
    let slot = desk.dialled_slot();
    desk.refused(slot, Class::Refused);
    assert!(matches!(desk.look(key), Look::Told(_)));
    assert!(matches!(never(&desk.ask(by(1))), Some(Failure::Credentials { others_open: 0, .. })));

    let mut desk = Desk::new(Assignment::MainOrDefault, 4);
    desk.open_main();
    let held = desk.hold(by(1));
    for _ in 0..2 {
        let key = desk.waits(by(2));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Refused);
        desk.core.cancel(key, desk.now, &mut desk.out);
        desk.pass(Duration::from_secs(100));
    }
    assert!(desk.core.dialling.is_blocked());
    let waiting = desk.waits(by(2));
    assert!(matches!(desk.look(waiting), Look::Pending), "what is held may come back");
    desk.give_back(held, Fate::Close);
    desk.out = Out::new();
    desk.core.closed(held, desk.now, &mut desk.out);
    // Main serves no extra.
    assert!(matches!(desk.look(waiting), Look::Told(_)));
    assert!(matches!(never(&desk.ask(by(2))), Some(Failure::Credentials { .. })));
}

#[test]
fn free_slots_hide_no_deadlock() {
    let mut desk = Desk::new(Assignment::Default, 3);
    let first = desk.hold(by(1));
    desk.hold(by(1));
    desk.hold(by(1));
    desk.give_back(first, Fate::Broken);
    desk.core.set_max(2, desk.now, &mut Out::new());
    assert!(matches!(never(&desk.ask(by(1))), Some(Failure::WouldDeadlock)));
    desk.waits(by(2));
}

#[test]
fn an_own_default_still_in_use_is_on_its_way_back() {
    let mut desk = Desk::new(Assignment::Default, 1);
    let owner = holder(1, Kind::Default, true);
    desk.hold(owner);
    assert!(matches!(desk.ask(owner), Take::Wait(_)));
    assert!(matches!(never(&desk.ask(by(1))), Some(Failure::WouldDeadlock)), "but not for something else");
}

#[test]
fn who_holds_nothing_never_deadlocks_with_himself() {
    let mut desk = Desk::new(Assignment::MainOrDefault, 4);
    desk.open_main();
    desk.fall();
    assert_eq!(desk.core.effective(), 1);
    desk.waits(by(1));
}

#[test]
fn with_a_fallen_quota_who_holds_the_rest_is_told_until_one_more_may_be_tried() {
    let mut desk = Desk::new(Assignment::MainOrDefault, 9);
    desk.open_main();
    desk.hold(by(1));
    desk.fall();
    assert_eq!(desk.core.effective(), 2);
    assert!(matches!(never(&desk.ask(by(1))), Some(Failure::WouldDeadlock)));
    desk.pass(Duration::from_secs(100));
    desk.waits(by(1));
    assert!(matches!(desk.out.jobs[..], [Job::Dial { .. }]), "one more is tried");
}

#[test]
fn with_a_fallen_quota_who_holds_all_but_the_last_and_leaves_it_is_told() {
    let spare = |context| Holder { spares: true, ..by(context) };
    let mut desk = Desk::new(Assignment::MainOrDefault, 9);
    desk.open_main();
    let other = desk.hold(by(2));
    desk.hold(by(1));
    desk.fall();
    desk.give_back(other, Fate::Broken);
    assert_eq!(desk.core.effective(), 3);
    assert!(matches!(never(&desk.ask(spare(1))), Some(Failure::WouldDeadlock)));
    desk.waits(spare(3));
}

#[test]
fn a_lost_main_is_wanted_again_by_whoever_asks() {
    let mut desk = Desk::new(Assignment::Main, 3);
    desk.open_main();
    let link = desk.core.link(MAIN).unwrap();
    desk.core.lost(MAIN, link.0, desk.now, &mut desk.out);
    assert!(matches!(desk.core.slots[MAIN].state, State::Free));
    desk.out = Out::new();
    desk.core.await_slot(MAIN, by(1), None, None, desk.now, &mut desk.out).unwrap();
    assert!(matches!(desk.core.slots[MAIN].state, State::Held { link: None, repair: Repair::Dialling }));
    assert_eq!(desk.core.slots[MAIN].holder.map(|holder| holder.kind), Some(Kind::Main));
}

#[test]
fn one_given_back_while_it_is_checked_is_nobodys_until_the_answer_and_a_dead_one_not_at_all() {
    let mut desk = Desk::new(Assignment::Default, 2);
    let slot = desk.hold(by(1));
    desk.out = Out::new();
    desk.core.check_held(slot, 1, &mut desk.out);
    assert!(matches!(desk.out.jobs[..], [Job::Check { .. }]));
    desk.give_back(slot, Fate::Keep);
    assert!(matches!(desk.core.slots[slot].state, State::Checking(_)));
    desk.core.checked(slot, 1, true, desk.now, &mut desk.out);
    assert!(matches!(desk.core.slots[slot].state, State::Idle { .. }));

    assert!(matches!(desk.ask(by(1)), Take::Got { .. }));
    desk.core.check_held(slot, 1, &mut desk.out);
    desk.give_back(slot, Fate::Broken);
    assert!(matches!(desk.core.slots[slot].state, State::Free));
    assert_eq!(desk.out.links, [Id(1)]);
}

#[test]
fn a_check_is_made_once_and_of_the_connection_that_is_meant() {
    let mut desk = Desk::new(Assignment::Default, 2);
    let slot = desk.hold(by(1));
    desk.out = Out::new();
    desk.core.check_held(slot, 99, &mut desk.out);
    assert!(desk.out.jobs.is_empty());
    desk.core.check_held(slot, 1, &mut desk.out);
    desk.core.check_held(slot, 1, &mut desk.out);
    assert_eq!(desk.out.jobs.len(), 1);
    desk.out = Out::new();
    desk.core.lost(slot, 1, desk.now, &mut desk.out);
    desk.core.checked(slot, 99, false, desk.now, &mut desk.out);
    assert!(desk.out.links.is_empty(), "what is being checked is told by the check");
    desk.core.checked(slot, 1, false, desk.now, &mut desk.out);
    assert_eq!(desk.out.links, [Id(1)]);
}

#[test]
fn with_their_runtime_gone_the_oldest_or_all_are_woken_to_look_for_themselves() {
    let mut desk = Desk::new(Assignment::Default, 1);
    let ask = |desk: &mut Desk, waker| {
        desk.out = Out::new();
        let take = desk.core.acquire(by(1), None, Some(waker), desk.now, &mut desk.out);
        assert!(matches!(take, Take::Wait(_)));
    };
    ask(&mut desk, 11);
    let slot = desk.dialled_slot();
    ask(&mut desk, 12);
    ask(&mut desk, 13);
    desk.out = Out::new();
    desk.core.undialled(slot, false, desk.now, &mut desk.out);
    assert_eq!(desk.out.wake, [11]);
    desk.out = Out::new();
    desk.core.rouse_all(&mut desk.out);
    assert_eq!(desk.out.wake, [12, 13]);
}

#[test]
fn a_probe_that_is_refused_is_followed_by_another_after_the_next_cool_down() {
    let mut desk = Desk::new(Assignment::MainOrDefault, 9);
    desk.open_main();
    desk.hold(by(1));
    desk.fall();
    let key = desk.waits(by(2));
    for _ in 0..3 {
        desk.pass(Duration::from_secs(100));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Limit);
        assert_eq!(desk.core.effective(), 2);
        assert!(desk.out.jobs.is_empty());
    }
    // And one that gets through raises the quota; then another is tried at once.
    desk.pass(Duration::from_secs(100));
    let slot = desk.dialled_slot();
    desk.dialled(slot);
    assert_eq!(desk.core.effective(), 3);
    assert!(matches!(desk.look(key), Look::Got { .. }));
    desk.waits(by(3));
    let slot = desk.dialled_slot();
    desk.dialled(slot);
    assert_eq!(desk.core.effective(), 4);
}

#[test]
fn what_comes_back_to_a_closed_pool_is_not_cleared_first() {
    let mut desk = Desk::new(Assignment::Default, 2);
    let slot = desk.hold(by(1));
    desk.core.check_held(slot, 1, &mut desk.out);
    desk.core.shut_down(desk.now, &mut desk.out);
    desk.give_back(slot, Fate::Reset);
    assert!(matches!(desk.out.jobs[..], [Job::Close { .. }]));
}

/// Whom the short way back wakes and whether it sets the timer; `None` if the case isn't plain.
fn put_back(desk: &mut Desk, slot: SlotId) -> Option<(Option<u64>, bool)> {
    desk.core.put_back(slot, Some(desk.now)).map(|back| (back.wake, back.rouse))
}

#[test]
fn the_short_way_back_serves_the_first_in_line_or_notes_the_time() {
    let mut desk = Desk::new(Assignment::Default, 1);
    let slot = desk.hold(by(1));
    desk.core.alarm = None;
    assert_eq!(put_back(&mut desk, slot), Some((None, true)));
    assert_eq!(desk.core.alarm, Some(desk.now + Duration::from_secs(30)));
    assert!(matches!(desk.ask(by(1)), Take::Got { .. }));
    desk.core.alarm = Some(desk.now + Duration::from_secs(29));
    assert_eq!(put_back(&mut desk, slot), Some((None, false)), "it rings sooner anyway");

    assert!(matches!(desk.ask(by(1)), Take::Got { .. }));
    desk.core.acquire(by(2), None, Some(17), desk.now, &mut desk.out);
    assert_eq!(put_back(&mut desk, slot), Some((Some(17), true)));
    assert_eq!(desk.core.alarm, Some(desk.now + Duration::from_secs(1)), "the offer lapses");
}

#[test]
fn without_a_time_the_keeper_comes_within_a_round() {
    let mut desk = Desk::new(Assignment::Default, 1);
    let slot = desk.hold(by(1));
    desk.core.alarm = None;
    let back = desk.core.put_back(slot, None).unwrap();
    assert!(back.rouse);
    assert_eq!(desk.core.alarm, Some(desk.now + ROUND));
    // What it finds then has been idle for the round, and is kept from then on.
    desk.pass(ROUND);
    assert_eq!(desk.core.alarm, Some(desk.now + Duration::from_secs(30)));
}

#[test]
fn the_short_way_back_is_for_plain_cases_only() {
    let held = |set: &dyn Fn(&mut Desk)| {
        let mut desk = Desk::new(Assignment::MainOrDefault, 4);
        let slot = desk.hold(by(1));
        set(&mut desk);
        put_back(&mut desk, slot).is_some()
    };
    assert!(held(&|_| {}));
    assert!(!held(&|desk| desk.core.alarm = Some(desk.now)), "something has fallen due");
    assert!(held(&|desk| desk.core.alarm = Some(desk.now + Duration::from_nanos(1))));
    assert!(!held(&|desk| desk.core.closed = true));
    assert!(!held(&|desk| desk.core.rules.idle_timeout = Duration::ZERO));
    assert!(!held(&|desk| desk.core.rules.max = 1), "above the quota");
    assert!(held(&|desk| desk.core.rules.max = 2), "just within");
    assert!(!held(&|desk| desk.core.slots[1].expires = Some(desk.now + Duration::from_secs(9))));
    assert!(!held(&|desk| desk.core.slots[1].holder = Some(holder(1, Kind::Default, true))), "an owner's");
    assert!(!held(&|desk| desk.core.slots[1].holder = None));
    assert!(!held(&|desk| desk.core.check_held(1, 1, &mut Out::new())));
    assert!(!held(&|desk| desk.core.lapsed = 1));
    assert!(!held(&|desk| {
        desk.core.rules.max = 3;
        desk.hold(by(2));
        desk.waits(Holder { spares: true, ..by(3) });
    }));
    assert!(!held(&|desk| {
        // Main is wanted, and can't be dialled as long as dialling backs off.
        let key = desk.waits(by(2));
        let slot = desk.dialled_slot();
        desk.refused(slot, Class::Transient);
        desk.core.cancel(key, desk.now, &mut desk.out);
        let main = holder(0, Kind::Main, false);
        desk.core.await_slot(MAIN, main, None, None, desk.now, &mut desk.out).unwrap();
        assert!(desk.core.main_is_wanted());
    }));
}

#[test]
fn a_dial_that_ends_after_the_pool_has_closed_is_closed_too() {
    let mut desk = Desk::new(Assignment::MainOrDefault, 3);
    let main = holder(0, Kind::Main, false);
    desk.core.await_slot(MAIN, main, None, None, desk.now, &mut desk.out).unwrap();
    desk.core.shut_down(desk.now, &mut desk.out);
    desk.dialled(MAIN);
    assert!(matches!(desk.out.jobs[..], [Job::Close { slot: MAIN, .. }]));
    desk.out = Out::new();
    desk.core.closed(MAIN, desk.now, &mut desk.out);
    assert!(desk.out.all_gone);
    assert_eq!(desk.core.snapshot(desk.now, Duration::ZERO).closed_so_far, 1);

    // Or has not begun.
    let mut desk = Desk::new(Assignment::Default, 3);
    desk.waits(by(1));
    let slot = desk.dialled_slot();
    desk.core.shut_down(desk.now, &mut desk.out);
    assert!(!desk.out.all_gone);
    desk.core.undialled(slot, false, desk.now, &mut desk.out);
    assert!(desk.out.all_gone);

    let mut desk = Desk::new(Assignment::Default, 3);
    desk.waits(by(1));
    let slot = desk.dialled_slot();
    desk.core.undialled(slot, false, desk.now, &mut desk.out);
    assert!(!desk.out.all_gone, "nothing is open, but it isn't closed");
}

#[test]
fn a_repair_that_was_never_begun_is_begun_anew_by_whoever_asks_next() {
    let mut desk = Desk::new(Assignment::Default, 2);
    let slot = desk.hold(by(1));
    desk.core.lost(slot, 1, desk.now, &mut desk.out);
    for _ in 0..2 {
        desk.out = Out::new();
        let key = desk.core.await_slot(slot, by(1), None, None, desk.now, &mut desk.out).unwrap();
        assert_eq!(desk.dialled_slot(), slot);
        desk.core.undialled(slot, false, desk.now, &mut desk.out);
        desk.core.cancel(key, desk.now, &mut desk.out);
        assert!(matches!(desk.core.slots[slot].state, State::Held { link: None, repair: Repair::None }));
    }
}

#[test]
fn a_held_one_that_fails_its_check_is_opened_anew_for_those_who_wait() {
    for (waits, slot) in [(false, MAIN), (true, MAIN), (false, 1), (true, 1)] {
        let mut desk = Desk::new(Assignment::MainOrDefault, 3);
        desk.open_main();
        desk.hold(by(1));
        let id = desk.core.link(slot).unwrap().0;
        desk.core.check_held(slot, id, &mut desk.out);
        if waits {
            desk.core.await_slot(slot, by(1), None, None, desk.now, &mut desk.out).unwrap();
        }
        desk.out = Out::new();
        desk.core.checked(slot, id, false, desk.now, &mut desk.out);
        let state = &desk.core.slots[slot].state;
        match (waits, slot) {
            (true, _) => assert!(matches!(state, State::Held { link: None, repair: Repair::Dialling })),
            (false, MAIN) => assert!(matches!(state, State::Free)),
            (false, _) => assert!(matches!(state, State::Held { link: None, repair: Repair::None })),
        }
        assert_eq!(desk.out.jobs.len(), usize::from(waits));
    }
}

#[test]
fn what_lies_idle_and_what_is_offered_is_looked_after_in_time() {
    let mut desk = Desk::new(Assignment::Default, 1);
    let slot = desk.hold(by(1));
    desk.core.alarm = None;
    desk.give_back(slot, Fate::Keep);
    assert_eq!(desk.core.alarm, Some(desk.now + Duration::from_secs(30)));
    assert!(desk.out.rouse);

    assert!(matches!(desk.ask(by(1)), Take::Got { .. }));
    desk.waits(by(2));
    desk.core.alarm = None;
    desk.give_back(slot, Fate::Keep);
    assert_eq!(desk.core.alarm, Some(desk.now + Duration::from_secs(1)));
    assert!(desk.out.rouse);
}

#[test]
fn one_is_trusted_for_less_than_the_time_given_to_the_nanosecond() {
    for (idle, trusted) in [(Duration::from_nanos(14_999_999_999), true), (Duration::from_secs(15), false)] {
        let mut desk = Desk::new(Assignment::Default, 1);
        let slot = desk.hold(by(1));
        desk.give_back(slot, Fate::Keep);
        desk.pass(idle);
        assert_eq!(matches!(desk.ask(by(1)), Take::Got { .. }), trusted);
        assert_eq!(desk.out.jobs.len(), usize::from(!trusted), "else it is checked");
    }
}

#[test]
fn a_default_that_is_taken_back_is_trusted_as_long_as_any_other() {
    for (idle, trusted) in [(Duration::from_nanos(14_999_999_999), true), (Duration::from_secs(15), false)] {
        let mut desk = Desk::new(Assignment::Default, 1);
        let slot = desk.hold(holder(1, Kind::Default, true));
        desk.give_back(slot, Fate::Keep);
        desk.pass(idle);
        desk.waits(by(2));
        assert!(matches!(desk.out.notes[..], [Note::TakenBack { .. }]));
        assert_eq!(matches!(desk.core.slots[slot].state, State::Offered { .. }), trusted);
        assert_eq!(desk.out.jobs.len(), usize::from(!trusted), "else it is checked");
    }
}

#[test]
fn what_belonged_to_a_context_that_is_gone_belongs_to_nobody_and_all_else_to_its_owner() {
    let mut desk = Desk::new(Assignment::Default, 4);
    let [first, second] = [1, 2].map(|context| desk.hold(holder(context, Kind::Default, true)));
    let context = desk.core.slots[first].holder.unwrap().context;
    desk.core.disown(context, desk.now, &mut desk.out);
    for (slot, owned) in [(first, false), (second, true)] {
        desk.give_back(slot, Fate::Keep);
        let State::Idle { owner, .. } = desk.core.slots[slot].state else { panic!("{slot}") };
        assert_eq!(owner.is_some(), owned);
    }
    // What lies idle already, likewise.
    desk.core.disown(holder(2, Kind::Default, true).context, desk.now, &mut desk.out);
    assert!(matches!(desk.core.slots[second].state, State::Idle { owner: None, .. }));
}
