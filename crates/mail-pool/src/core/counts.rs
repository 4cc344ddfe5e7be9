//! How many slots are in which condition.

use super::rules::{MAIN, SlotId};
use super::slot::{Repair, State};

/// How many slots are in which condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Extras that are not free.
    pub extras: usize,
    /// What counts at the server.
    pub open: usize,
    /// Logged in.
    pub established: usize,
    /// Being dialled, main not counted.
    pub dialling: usize,
    pub dialling_main: usize,
    pub checking: usize,
    pub closing: usize,
    /// Extras that will soon serve the next in line.
    pub coming: usize,
    /// Held slots whose connection shall be dialled anew.
    pub wanted: usize,
}

impl Counts {
    pub(super) fn of<L>(slot: SlotId, state: &State<L>) -> Self {
        let mut counts = Self { extras: usize::from(slot != MAIN), ..Self::default() };
        let dialling = |counts: &mut Self| {
            counts.open = 1;
            if slot == MAIN {
                counts.dialling_main = 1;
            } else {
                counts.dialling = 1;
            }
        };
        match state {
            State::Free => return Self::default(),
            State::Dialling => {
                dialling(&mut counts);
                counts.coming = 1;
            }
            State::Held { link: None, repair: Repair::Dialling } => dialling(&mut counts),
            State::Held { link: None, repair } => {
                counts.wanted = usize::from(*repair == Repair::Wanted);
            }
            State::Closing => {
                counts.open = 1;
                counts.closing = 1;
            }
            State::Checking(_) => {
                counts.open = 1;
                counts.established = 1;
                counts.checking = 1;
                counts.coming = 1;
            }
            State::Resetting(_) => {
                counts.open = 1;
                counts.established = 1;
                counts.coming = 1;
            }
            State::Offered { .. } | State::Held { link: Some(_), .. } | State::Idle { .. } => {
                counts.open = 1;
                counts.established = 1;
            }
        }
        counts
    }

    pub(super) fn add(&mut self, other: Self) {
        self.extras += other.extras;
        self.open += other.open;
        self.established += other.established;
        self.dialling += other.dialling;
        self.dialling_main += other.dialling_main;
        self.checking += other.checking;
        self.closing += other.closing;
        self.coming += other.coming;
        self.wanted += other.wanted;
    }

    pub(super) fn subtract(&mut self, other: Self) {
        self.extras -= other.extras;
        self.open -= other.open;
        self.established -= other.established;
        self.dialling -= other.dialling;
        self.dialling_main -= other.dialling_main;
        self.checking -= other.checking;
        self.closing -= other.closing;
        self.coming -= other.coming;
        self.wanted -= other.wanted;
    }
}
