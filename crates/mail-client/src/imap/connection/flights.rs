//! Commands that the session has, and whose they are.

use std::collections::VecDeque;

use mail_pool::Context;
use mail_proto::imap::client::CommandId;

use super::sink::Sink;
use crate::client::About;

/// A command that the session has.
pub(super) struct Flight {
    pub(super) token: u64,
    pub(super) about: About,
    /// Who asked for it, if it needs a mailbox.
    pub(super) context: Option<Context>,
    pub(super) sink: Sink,
}

/// The commands that the session has, in the order in which it got them: as they mostly end in that order, the one that
/// is looked for stands in front.
#[derive(Default)]
pub(super) struct Flights(VecDeque<(CommandId, Flight)>);

impl Flights {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Flight> {
        self.0.iter().map(|(_, flight)| flight)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (CommandId, &mut Flight)> {
        self.0.iter_mut().map(|(id, flight)| (*id, flight))
    }

    /// Adds one that the session got after all others.
    pub(super) fn push(&mut self, id: CommandId, flight: Flight) {
        self.0.push_back((id, flight));
    }

    pub(super) fn get_mut(&mut self, id: CommandId) -> Option<&mut Flight> {
        let at = self.at(id)?;
        self.0.get_mut(at).map(|(_, flight)| flight)
    }

    pub(super) fn remove(&mut self, id: CommandId) -> Option<Flight> {
        let at = self.at(id)?;
        self.0.remove(at).map(|(_, flight)| flight)
    }

    /// Where it stands: ids ascend.
    fn at(&self, id: CommandId) -> Option<usize> {
        match self.0.front() {
            Some((first, _)) if *first == id => Some(0),
            _ => self.0.binary_search_by_key(&id, |(known, _)| *known).ok(),
        }
    }

    /// The one that its caller knows by this token.
    pub(super) fn with_token(&self, token: u64) -> Option<CommandId> {
        self.0.iter().find(|(_, flight)| flight.token == token).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::imap::{
        Command,
        client::{Config, Credentials, Request, Security, Session},
    };
    use tokio::{sync::oneshot, time::Instant};

    use super::*;

    #[test]
    fn commands_are_found_in_whatever_order_they_end() {
        let config = Config::new(Security::Plaintext, Credentials::password("kim", "secret"));
        let mut session = Session::new(config, Instant::now().into_std());
        let mut flights = Flights::default();
        let ids: Vec<_> = (0..4)
            .map(|token| {
                let id = session.submit(Request::new(Command::Noop));
                let sink = Sink::gather(oneshot::channel().0, None);
                let about = About::from(&Command::Noop);
                // The third was the login's, say.
                if token != 2 {
                    flights.push(id, Flight { token, about, context: None, sink });
                }
                id
            })
            .collect();
        assert_eq!(flights.get_mut(ids[3]).map(|flight| flight.token), Some(3));
        assert!(flights.get_mut(ids[2]).is_none() && flights.with_token(2).is_none());
        assert_eq!(flights.with_token(1), Some(ids[1]));
        assert_eq!(flights.remove(ids[1]).map(|flight| flight.token), Some(1));
        assert!(flights.remove(ids[1]).is_none());
        assert_eq!(flights.remove(ids[0]).map(|flight| flight.token), Some(0));
        assert_eq!((flights.len(), flights.is_empty()), (1, false));
    }
}
