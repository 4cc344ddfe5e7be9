//! Connections that say nothing: what they were asked for is asked of another that has nothing to do.

use std::task::Context;

use tokio::time::Instant;

use super::FetchStream;
use crate::{
    imap::fetch::{
        joining::{PATIENCE, again, another},
        lanes::Lane,
    },
    link::Alarm,
};

impl FetchStream {
    /// Takes from a connection that keeps silent what it was asked for, if another has nothing to do. Says whether there
    /// is something new.
    pub(super) fn poll_silent(&mut self, cx: &mut Context<'_>) -> bool {
        if self.most == 1 {
            return false;
        }
        let silent = self.lanes.iter().enumerate().filter_map(|(at, lane)| Some((lane.silent_since()?, at)));
        let Some((since, at)) = silent.min() else { return false };
        let alarm = self.alarm.get_or_insert_with(Alarm::new);
        while since.elapsed() < PATIENCE {
            if alarm.poll(cx, since + PATIENCE).is_pending() {
                return false;
            }
        }
        if self.lanes[at].connection.flow().held() > 0 {
            self.lanes[at].was_held_up();
        } else if self.lanes.iter().any(Lane::is_idle) {
            self.hand_on(at, since);
        } else if let Some(extras) = &self.extras
            && self.coming.is_empty()
            && self.lanes.len() < self.most
            && !std::mem::replace(&mut self.lanes[at].called_for_help, true)
        {
            self.coming.push(another(extras, self.selection.clone()));
        } else {
            return false;
        }
        true
    }

    /// Others do the work of this connection, until it answers again.
    fn hand_on(&mut self, at: usize, since: Instant) {
        let mut lane = self.lanes.swap_remove(at);
        lane.give_up().for_each(|missing| self.put_back(missing));
        let (is_first, joined) = (lane.extra.is_none(), (lane.connection.clone(), lane.extra.take()));
        let joining = again(joined, self.selection.clone(), since);
        if is_first { self.first = Some(joining) } else { self.coming.push(joining) }
    }

    /// Whether a connection keeps silent for so long that another might do its work.
    pub(super) fn has_silent(&self) -> bool {
        self.lanes.iter().filter_map(Lane::silent_since).any(|since| since.elapsed() >= PATIENCE)
    }
}
