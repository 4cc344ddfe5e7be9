//! The core against a plain model: random operations, in any order, with the world around it played by the test.
//!
//! The core asserts its own invariants after every operation; here it is checked from outside what it promises: never more at the server than
//! the quota, first come first served, nothing lost, and everybody served in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::happenings::{Op, op};
use super::line::Key;
use super::machine::Core;
use super::orders::{Job, Out};
use super::rules::{Holder, Linked, MAIN, Rules, SlotId};
use super::slot::State;
use super::waiter::{Fate, Look, Stage, Take, Want};
use crate::assignment::Assignment;
use crate::context::Context;
use crate::manager::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub u64);

impl Linked for Id {
    fn id(&self) -> u64 {
        self.0
    }
}

/// A waiter as the model sees him.
#[derive(Clone, Copy, Debug)]
struct Waits {
    key: Key,
    waker: u64,
    want: Want,
    /// Asleep: he has looked, found nothing, and not been woken since.
    asleep: bool,
}

/// The world around the core.
pub(super) struct World {
    core: Core<Id, u32, u64>,
    now: Instant,
    next: u64,
    waiting: Vec<Waits>,
    dials: BTreeSet<SlotId>,
    checks: Vec<(SlotId, Id)>,
    resets: BTreeMap<SlotId, Id>,
    closes: BTreeMap<SlotId, Id>,
    held: Vec<SlotId>,
    /// What is open at the server, besides the dials.
    open: BTreeSet<Id>,
    max: usize,
    shrunk: bool,
    alarm: Option<Instant>,
    /// Whoever is just asking, and whether he was woken before he knew his place.
    entering: u64,
    entered_awake: bool,
}

pub(super) fn holder(context: u8, kind: Kind, owned: bool) -> Holder {
    Holder {
        kind,
        context: Context::custom(u64::from(context)),
        place: Location::caller(),
        group: 0,
        owned,
        fallback: false,
        brief: context == 3,
        spares: false,
    }
}

pub(super) fn rules(assignment: Assignment, max: usize, max_handshakes: usize, renews: bool) -> Rules {
    Rules {
        assignment,
        max,
        max_handshakes,
        idle_timeout: Duration::from_secs(30),
        trust_idle: Duration::from_secs(15),
        max_lifetime: None,
        take_up: Duration::from_secs(1),
        cool_down: Duration::from_secs(60),
        backoff: (Duration::from_millis(500), Duration::from_secs(30)),
        throttle: Duration::from_secs(60),
        logout_settles: Duration::from_secs(2),
        renews_credentials: renews,
        seed: 1,
    }
}

impl World {
    pub(super) fn new(assignment: Assignment, max: usize, max_handshakes: usize, renews: bool) -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(rules(assignment, max, max_handshakes, renews), now),
            now,
            next: 1,
            waiting: Vec::new(),
            dials: BTreeSet::new(),
            checks: Vec::new(),
            resets: BTreeMap::new(),
            closes: BTreeMap::new(),
            held: Vec::new(),
            open: BTreeSet::new(),
            max,
            shrunk: false,
            alarm: None,
            entering: 0,
            entered_awake: false,
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Who stands in line for an extra, the oldest first, and who has an offer.
    fn line(&self) -> (Vec<Key>, Vec<Key>) {
        let mut line = Vec::new();
        for some in [&self.core.line, &self.core.sparing] {
            let mut at = self.core.waiters.front(some);
            while let Some(key) = at {
                let waiter = self.core.waiters.get(key).unwrap();
                if !waiter.lapsed {
                    line.push((waiter.ticket, key));
                }
                at = self.core.waiters.after(key);
            }
        }
        line.sort_unstable_by_key(|(ticket, _)| *ticket);
        let offered = self.core.slots.iter().filter_map(|slot| match slot.state {
            State::Offered { to, .. } => Some(to),
            _ => None,
        });
        (line.into_iter().map(|(_, key)| key).collect(), offered.collect())
    }

    fn spares(&self, key: Key) -> bool {
        self.core.waiters.get(key).is_some_and(|waiter| waiter.holder.spares)
    }

    /// Extras that are somebody's, or on their way to be. (One that was left idle may be retired in the same breath.)
    fn taken(&self) -> usize {
        let extras = self.core.slots[1..].iter();
        extras.filter(|slot| !matches!(slot.state, State::Free | State::Idle { .. } | State::Closing)).count()
    }

    fn extras(&self) -> usize {
        self.max - usize::from(self.core.rules.assignment != Assignment::Default)
    }

    /// Runs an operation and does what it orders.
    fn run<R>(
        &mut self,
        operation: impl FnOnce(&mut Core<Id, u32, u64>, Instant, &mut Out<Id, u32, u64>) -> R,
    ) -> R {
        let (before, had) = self.line();
        let open = self.open_at_server();
        let mut out = Out::new();
        let result = operation(&mut self.core, self.now, &mut out);
        // First come, first served: whoever has an offer now and had none stood before all who stand still.
        let (after, have) = self.line();
        // Whoever leaves the last one to others is not served with it, though another may be in the same breath.
        let (sparing, others): (Vec<Key>, Vec<Key>) =
            have.iter().filter(|key| !had.contains(key)).partition(|key| self.spares(**key));
        let last_to_another = !others.is_empty()
            || out.jobs.iter().any(|job| matches!(job, Job::Dial { .. } | Job::Check { .. }));
        assert!(sparing.is_empty() || last_to_another || self.taken() < self.extras(), "none was left");
        for lucky in have.iter().filter(|key| !had.contains(key)) {
            if let Some(place) = before.iter().position(|key| key == lucky) {
                for earlier in &before[..place] {
                    let made_way = self.spares(*earlier) && !self.spares(*lucky);
                    assert!(made_way || !after.contains(earlier), "somebody was overtaken");
                }
            }
        }
        let mut dialled = false;
        for job in out.jobs {
            match job {
                Job::Dial { slot, .. } => {
                    dialled = true;
                    assert!(self.dials.insert(slot), "a slot is dialled twice at a time");
                }
                Job::Check { slot, link } => self.checks.push((slot, link)),
                Job::Reset { slot, link } => assert!(self.resets.insert(slot, link).is_none()),
                Job::Close { slot, link, .. } => assert!(self.closes.insert(slot, link).is_none()),
            }
        }
        for waker in out.wake {
            if waker == self.entering && !self.waiting.iter().any(|waits| waits.waker == waker) {
                self.entered_awake = true;
                continue;
            }
            let sleeper = self.waiting.iter_mut().find(|waits| waits.waker == waker);
            sleeper.expect("only those who wait are woken").asleep = false;
        }
        // Links that the core lets go of are cut.
        for link in out.links {
            if !self.core.slots.iter().any(|slot| slot.state.peek() == Some(&link)) {
                self.open.remove(&link);
            }
        }
        if out.rouse {
            self.alarm = self.core.alarm;
        }
        let now_open = self.open_at_server();
        assert!(!dialled || now_open <= self.max, "{now_open} of {} are open", self.max);
        assert!(now_open <= self.max || now_open <= open || !dialled);
        assert!(self.shrunk || now_open <= self.max, "{now_open} of {} are open", self.max);
        assert_eq!(self.core.counts.open, now_open, "the core and the server disagree on what is open");
        result
    }

    fn open_at_server(&self) -> usize {
        self.dials.len() + self.open.len()
    }

    fn pick<T: Copy>(list: &[T], n: usize) -> Option<T> {
        (!list.is_empty()).then(|| list[n % list.len()])
    }

    /// Somebody who asked knows his place. Without a waker he looks at once.
    fn enter(&mut self, key: Key, want: Want, waker: u64) {
        let asleep = waker != 0 && !self.entered_awake;
        self.waiting.push(Waits { key, waker, want, asleep });
    }

    /// A waker for somebody who is about to ask.
    fn entering(&mut self) -> u64 {
        self.entering = self.fresh();
        self.entered_awake = false;
        self.entering
    }

    fn took(&mut self, take: Take<Id, u32>, want: Want, waker: u64) {
        match take {
            Take::Got { slot, .. } => self.held.push(slot),
            Take::Wait(key) => self.enter(key, want, waker),
            Take::Never(_) | Take::NoExtras => {}
        }
    }

    fn look(&mut self, at: usize) {
        let Waits { key, want, .. } = self.waiting[at];
        let waker = self.fresh();
        // A waiter is woken by the waker that he left last.
        self.waiting[at].waker = waker;
        let look = self.run(|core, now, out| match core.pick_up(key) {
            Some((look, _)) => look,
            None => core.look(key, waker, now, out),
        });
        match look {
            Look::Pending => self.waiting[at].asleep = true,
            Look::Got { slot, .. } => {
                assert_eq!(want, Want::Extra);
                self.held.push(slot);
                self.waiting.remove(at);
            }
            Look::Told(_) => {
                self.waiting.remove(at);
            }
        }
    }

    /// Time passes; the keeper does its duty on the way.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(alarm) = self.alarm.filter(|alarm| *alarm <= end) {
            self.now = self.now.max(alarm);
            self.alarm = self.run(Core::tick);
            assert!(self.alarm.is_none_or(|next| next > self.now), "the alarm rings for ever");
        }
        self.now = end;
    }

    pub(super) fn apply(&mut self, op: Op) {
        let held = self.held.clone();
        match op {
            Op::Acquire { context, kind, patient, spares } => {
                let waker = self.entering();
                let owned = kind == Kind::Default && self.core.rules.assignment == Assignment::Default;
                let holder = Holder { spares, ..holder(context, kind, owned) };
                let deadline = (!patient).then(|| self.now + Duration::from_secs(60));
                let mut take = None;
                // The waker is known before the core can wake it.
                self.run(|core, now, out| {
                    take = Some(core.acquire(holder, deadline, Some(waker), now, out));
                });
                let take = take.unwrap();
                assert!(!spares || !matches!(take, Take::Got { .. }) || self.taken() < self.extras());
                self.took(take, Want::Extra, waker);
            }
            Op::AcquireIfFree { context } => {
                let mut take = None;
                self.run(|core, now, out| {
                    let holder = Holder { fallback: true, ..holder(context, Kind::Operation, false) };
                    take = core.acquire_if_free(holder, now, out);
                });
                if let Some(take) = take {
                    // He has no waker yet, and looks at once.
                    self.took(take, Want::Extra, 0);
                }
            }
            Op::AwaitMain { context } => {
                if self.core.rules.assignment == Assignment::Default || self.core.link(MAIN).is_some() {
                    return;
                }
                let waker = self.entering();
                let deadline = Some(self.now + Duration::from_secs(60));
                let key = self.run(|core, now, out| {
                    core.await_slot(MAIN, holder(context, Kind::Main, false), deadline, Some(waker), now, out)
                });
                if let Ok(key) = key {
                    self.enter(key, Want::Slot(MAIN), waker);
                }
            }
            Op::Look(n) => {
                if !self.waiting.is_empty() {
                    self.look(n % self.waiting.len());
                }
            }
            Op::Cancel(n) => {
                if !self.waiting.is_empty() {
                    let waits = self.waiting.remove(n % self.waiting.len());
                    self.run(|core, now, out| core.cancel(waits.key, now, out));
                }
            }
            Op::Dialled(n) => {
                let dials: Vec<_> = self.dials.iter().copied().collect();
                if let Some(slot) = Self::pick(&dials, n) {
                    let link = Id(self.fresh());
                    self.dials.remove(&slot);
                    self.open.insert(link);
                    self.run(|core, now, out| core.dialled(slot, link, now, out));
                }
            }
            Op::Refused(n, class) => {
                let dials: Vec<_> = self.dials.iter().copied().collect();
                if let Some(slot) = Self::pick(&dials, n) {
                    self.dials.remove(&slot);
                    self.run(|core, now, out| core.refused(slot, 7, class, now, out));
                }
            }
            Op::Undialled(n) => {
                let dials: Vec<_> = self.dials.iter().copied().collect();
                if let Some(slot) = Self::pick(&dials, n) {
                    self.dials.remove(&slot);
                    self.run(|core, now, out| core.undialled(slot, false, now, out));
                    // Somebody looks, on a runtime that lives.
                    self.look_all();
                    self.run(|core, now, out| core.pump(now, out));
                }
            }
            Op::Checked(n, alive) => {
                if !self.checks.is_empty() {
                    let (slot, link) = self.checks.remove(n % self.checks.len());
                    self.run(|core, now, out| core.checked(slot, link.0, alive, now, out));
                }
            }
            Op::Reset(n, keep) => {
                let resets: Vec<_> = self.resets.keys().copied().collect();
                if let Some(slot) = Self::pick(&resets, n) {
                    self.resets.remove(&slot);
                    self.run(|core, now, out| core.reset(slot, keep, now, out));
                }
            }
            Op::Closed(n) => {
                let closes: Vec<_> = self.closes.keys().copied().collect();
                if let Some(slot) = Self::pick(&closes, n) {
                    let link = self.closes.remove(&slot).unwrap();
                    self.open.remove(&link);
                    self.run(|core, now, out| core.closed(slot, now, out));
                }
            }
            Op::Release(n, fate) => {
                if let Some(slot) = Self::pick(&held, n) {
                    self.let_go(slot, |core, now, out| core.release(slot, fate, now, out));
                }
            }
            Op::PutBack(n, told) => {
                if let Some(slot) = Self::pick(&held, n) {
                    self.let_go(slot, |core, now, out| match core.put_back(slot, told.then_some(now)) {
                        Some(plain) => {
                            out.wake.extend(plain.wake);
                            out.rouse |= plain.rouse;
                        }
                        None => core.release(slot, Fate::Keep, now, out),
                    });
                }
            }
            Op::Lost(n) => {
                if let Some(slot) = Self::pick(&held, n)
                    && let Some(link) = self.core.link(slot)
                {
                    self.run(|core, now, out| core.lost(slot, link.0, now, out));
                }
            }
            Op::Repair(n) => {
                if let Some(slot) = Self::pick(&held, n)
                    && self.core.link(slot).is_none()
                {
                    let waker = self.entering();
                    let key = self.run(|core, now, out| {
                        core.await_slot(
                            slot,
                            holder(0, Kind::Independent, false),
                            None,
                            Some(waker),
                            now,
                            out,
                        )
                    });
                    if let Ok(key) = key {
                        self.enter(key, Want::Slot(slot), waker);
                    }
                }
            }
            Op::CheckHeld(n) => {
                if let Some(slot) = Self::pick(&held, n)
                    && let Some(link) = self.core.link(slot)
                {
                    self.run(|core, _, out| core.check_held(slot, link.0, out));
                }
            }
            Op::LoseMain => {
                if let Some(link) = self.core.link(MAIN) {
                    self.run(|core, now, out| core.lost(MAIN, link.0, now, out));
                }
            }
            Op::Disown(context) => {
                self.run(|core, now, out| core.disown(Context::custom(u64::from(context)), now, out));
            }
            Op::Pass(millis) => self.pass(Duration::from_millis(millis)),
            Op::SetMax(max) => {
                self.shrunk |= max < self.max;
                self.max = max;
                self.run(|core, now, out| core.set_max(max, now, out));
            }
            Op::RetryLogin => self.run(|core, now, out| core.retry_login(now, out)),
            Op::LimitReported => self.run(|core, now, out| core.limit_reported(now, out)),
            Op::ShutDown => self.run(|core, now, out| core.shut_down(now, out)),
        }
    }

    /// A holder goes, and with him those who wait for his slot's connection.
    fn let_go(
        &mut self,
        slot: SlotId,
        go: impl FnOnce(&mut Core<Id, u32, u64>, Instant, &mut Out<Id, u32, u64>),
    ) {
        while let Some(at) = self.waiting.iter().position(|waits| waits.want == Want::Slot(slot)) {
            let waits = self.waiting.remove(at);
            self.run(|core, now, out| core.cancel(waits.key, now, out));
        }
        self.held.retain(|other| *other != slot);
        self.run(go);
    }

    fn look_all(&mut self) {
        let mut at = 0;
        while at < self.waiting.len() {
            let many = self.waiting.len();
            self.look(at);
            at += usize::from(self.waiting.len() == many);
        }
    }

    /// Nobody who has something sleeps on, without having been told.
    pub(super) fn assert_nobody_sleeps_on_something(&self) {
        for waits in &self.waiting {
            let waiter = self.core.waiters.get(waits.key).expect("those who wait are known");
            assert!(
                matches!(waiter.stage, Stage::Waiting) || !waits.asleep,
                "{waits:?} was not woken for {:?}",
                waiter.stage
            );
        }
    }

    /// Everything ends well from now on: then everybody is served or told, and nothing stays open.
    pub(super) fn wind_up(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.apply(Op::Dialled(0));
            self.apply(Op::Checked(0, true));
            self.apply(Op::Reset(0, true));
            self.apply(Op::Closed(0));
            if self.waiting.iter().any(|waits| !waits.asleep) {
                let at = self.waiting.iter().position(|waits| !waits.asleep).unwrap();
                self.look(at);
            }
            if self.waiting.iter().all(|waits| waits.asleep) {
                self.apply(Op::Release(0, Fate::Keep));
                self.pass(Duration::from_secs(2));
            }
        }
        self.look_all();
        self.apply(Op::RetryLogin);
        for _ in 0..rounds / 2 {
            self.apply(Op::Dialled(0));
            self.apply(Op::Closed(0));
            self.apply(Op::Release(0, Fate::Keep));
            self.look_all();
            self.pass(Duration::from_secs(5));
        }
        assert!(self.waiting.is_empty(), "{:?} wait for ever: {:#?}", self.waiting, self.core.slots);
        self.pass(Duration::from_secs(200));
        for _ in 0..20 {
            self.apply(Op::Closed(0));
        }
        let main = usize::from(self.core.slots[MAIN].state.peek().is_some());
        assert_eq!(self.open_at_server(), main, "something stays open");
        assert_eq!(self.core.waiters.len(), 0, "a waiter was forgotten");
        self.apply(Op::ShutDown);
        self.apply(Op::Closed(0));
        assert!(self.core.all_gone() && self.open.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_keeps_the_promises(
        assignment in prop_oneof![Just(Assignment::MainOrDefault), Just(Assignment::Main), Just(Assignment::Default)],
        max in 1..6usize,
        max_handshakes in 1..4usize,
        renews in any::<bool>(),
        ops in proptest::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(assignment, max, max_handshakes, renews);
        for op in ops {
            world.apply(op);
            world.assert_nobody_sleeps_on_something();
        }
        world.wind_up(500);
    }
}
