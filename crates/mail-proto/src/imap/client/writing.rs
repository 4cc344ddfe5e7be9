//! What is written: which of the commands that wait may go, and which mailbox they need selected (P26 of the connection
//! rules).

use super::{
    CommandId, Event, Failure, Request, SelectedMailbox, Selection, Session, establish::Phase, pipeline,
    queue::Owner,
};
use crate::imap::{
    capability::Capability, command::Command, mailbox::MailboxName, select::SelectOptions,
    status_line::Status,
};

/// So many commands are written behind a selection that may fail. Each would be answered BAD then, and servers that are
/// told too much nonsense hang up.
const MOST_FOLLOWERS: usize = 8;

/// Whether the first command that waits may be written.
enum Turn {
    Now,
    /// In the same flight as the selection that it needs.
    BehindItsSelection,
    NotYet,
    /// First its mailbox has to be selected.
    Select(Selection),
    /// First the mailbox that is selected has to be put away.
    Unselect,
    /// It doesn't run.
    Never(Failure),
}

impl Session {
    /// Writes what may be written of what waits.
    pub(super) fn pump(&mut self) {
        if self.phase != Phase::Ready || self.course.has_ended() {
            return;
        }
        if self.ask_for_compression() {
            return;
        }
        if self.queue.head().is_some() {
            // The connection is lent no longer than nobody wants it.
            self.queue.end_idle();
        }
        while let Some(head) = self.queue.head() {
            match self.turn(head) {
                Turn::Now => {}
                Turn::BehindItsSelection => {
                    if self.start_head() {
                        self.queue.depends_on_selection();
                    }
                    continue;
                }
                Turn::NotYet => return,
                Turn::Select(selection) => {
                    self.select(&selection);
                    continue;
                }
                Turn::Unselect => {
                    // Nothing of these could fail to encode. Should it be refused, nothing is lost.
                    let has =
                        self.peer.capabilities().is_some_and(|server| server.supports(&Capability::Unselect));
                    let command =
                        if has { Command::Unselect } else { Command::examine(MailboxName::inbox()) };
                    let _ = self.queue.start(Owner::Nobody, Request::new(command), self.options());
                    self.selected = None;
                    return;
                }
                Turn::Never(failure) => {
                    if let Some(id) = self.queue.drop_head() {
                        self.course.tell(Event::Completed { id, outcome: Err(failure) });
                    }
                    continue;
                }
            }
            let selecting = match &head.command {
                Command::Select { mailbox, read_only, .. } => {
                    Some(Selection { mailbox: mailbox.clone(), read_only: *read_only, uid_validity: None })
                }
                _ => None,
            };
            if self.start_head()
                && let Some(selection) = selecting
            {
                self.selected = None;
                self.selecting = Some(SelectedMailbox::new(&selection));
            }
        }
    }

    fn turn(&self, head: &Request) -> Turn {
        let may_go = || if self.queue.head_may_go() { Turn::Now } else { Turn::NotYet };
        let Some(wanted) = &head.selection else {
            return match self.takes_selected_away(&head.command) {
                true if self.queue.is_quiet() => Turn::Unselect,
                true => Turn::NotYet,
                false => may_go(),
            };
        };
        if let Some(selected) = self.selected.as_ref().filter(|selected| selected.serves(wanted)) {
            return match differs(wanted, Some(selected)) {
                Some(failure) => Turn::Never(failure),
                None if selected.read_only && pipeline::needs_writing(&head.command) => {
                    Turn::Never(Failure::ReadOnly)
                }
                None => may_go(),
            };
        }
        if self.queue.is_quiet() {
            // Not while a command of the mailbox before is still on the wire.
            return Turn::Select(wanted.clone());
        }
        let is_being_selected = self.selecting.as_ref().is_some_and(|selecting| selecting.serves(wanted));
        if is_being_selected
            && pipeline::follows_selection(&head.command)
            && self.queue.head_may_follow(MOST_FOLLOWERS)
        {
            Turn::BehindItsSelection
        } else {
            Turn::NotYet
        }
    }

    /// Whether the command takes the selected mailbox away, or its name, and it can be put away before. Servers end a
    /// connection whose mailbox is gone, or, as Courier, refuse.
    fn takes_selected_away(&self, command: &Command) -> bool {
        let Some(selected) = &self.selected else { return false };
        let is_taken = match command {
            Command::Delete(mailbox) => selected.mailbox == *mailbox,
            // With all below it.
            Command::Rename { from, .. } => selected.mailbox.as_bytes().starts_with(from.as_bytes()),
            _ => false,
        };
        let unselects =
            || self.peer.capabilities().is_some_and(|server| server.supports(&Capability::Unselect));
        // Without UNSELECT the inbox, which is always there, takes its place.
        is_taken && (!selected.mailbox.is_inbox() || unselects())
    }

    /// Puts the first command that waits on the wire. Returns whether it could be encoded.
    fn start_head(&mut self) -> bool {
        match self.queue.start_head(self.options()) {
            Some((id, Err(failure))) => {
                self.course.tell(Event::Completed { id, outcome: Err(failure) });
                false
            }
            Some((_, Ok(()))) => true,
            None => false,
        }
    }

    fn select(&mut self, selection: &Selection) {
        let command = Command::Select {
            mailbox: selection.mailbox.clone(),
            read_only: selection.read_only,
            options: SelectOptions::default(),
        };
        let Some(id) = self.queue.head_id() else { return };
        match self.queue.start(Owner::Selection(id), Request::new(command), self.options()) {
            Ok(()) => {
                self.selected = None;
                self.selecting = Some(SelectedMailbox::new(selection));
            }
            Err(error) => {
                self.queue.drop_head();
                self.course.tell(Event::Completed { id, outcome: Err(error.into()) });
            }
        }
    }

    /// The selection that this command waits for has ended, and so it is known which of those behind it mean anything.
    pub(super) fn selection_ended(&mut self, id: CommandId, status: Status, went_well: bool) {
        self.selected = self.selecting.take().filter(|_| went_well);
        if went_well {
            self.learn_selected(&status);
        } else if self.queue.head_id() == Some(id) {
            // The command may have been taken back meanwhile; then nobody is to be told.
            self.queue.drop_head();
            self.course.tell(Event::Completed { id, outcome: Err(Failure::NotSelected(status.clone())) });
        }
        let selected = self.selected.as_ref();
        self.queue.resolve(|wanted| {
            if went_well { differs(wanted, selected) } else { Some(Failure::NotSelected(status.clone())) }
        });
    }
}

/// Whether the mailbox is another than the one that is wanted, by its UIDVALIDITY.
fn differs(wanted: &Selection, selected: Option<&SelectedMailbox>) -> Option<Failure> {
    let expected = wanted.uid_validity?;
    let found = selected.and_then(|selected| selected.uid_validity);
    (found != Some(expected)).then_some(Failure::UidValidityChanged { expected, found })
}
