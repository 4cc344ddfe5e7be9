//! Which part of the server carries out which command.

use mail_proto::imap::response::Untagged;
use mail_proto::imap::{Command, Status, StatusKind};

use super::fetch::Wanted;
use super::refusal::changed;
use super::selected::Selected;
use super::store::Change;
use super::{End, Outcome, Session, Then, acl, bad, done, mailboxes, messages, metadata, search};
use crate::store::Account;

impl Session<'_> {
    pub(super) async fn execute(&mut self, command: Command) -> Outcome {
        match command {
            Command::Capability => {
                self.say(Untagged::Capability(self.capabilities()));
                Ok(done())
            }
            Command::Noop => Ok(done()),
            Command::Logout => {
                self.say(Untagged::Status(Status::new(StatusKind::Bye, "goodbye")));
                self.then = Then::Close;
                Ok(done())
            }
            Command::Id(_) => {
                let field = |name: &'static str, value: &'static str| (name.into(), Some(value.into()));
                self.say(Untagged::Id(vec![
                    field("name", "mail-testkit"),
                    field("version", env!("CARGO_PKG_VERSION")),
                ]));
                Ok(done())
            }
            Command::StartTls => Ok(self.start_tls()),
            Command::Login { user, password } => Ok(self.login(&user, password.expose())),
            Command::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial).await,
            command => match &self.user {
                None => Ok(bad("log in first")),
                Some(user) => {
                    let account = user.account.clone();
                    self.execute_as(&account, command).await
                }
            },
        }
    }

    /// What needs a login.
    async fn execute_as(&mut self, account: &Account, command: Command) -> Outcome {
        match command {
            Command::Unauthenticate => Ok(self.unauthenticate()),
            Command::Compress => Ok(self.compress()),
            Command::Enable(wanted) => Ok(self.enable(account, &wanted)),
            Command::Namespace => Ok(self.namespace()),
            Command::List { reference, patterns, options } => {
                Ok(self.list(account, &reference, &patterns, &options))
            }
            Command::Lsub { reference, pattern } => Ok(self.lsub(account, &reference, &pattern)),
            Command::Status { mailbox, items } => Ok(self.status(account, &mailbox, &items)),
            Command::Select { mailbox, read_only, options } => {
                Ok(self.select(account, &mailbox, read_only, &options))
            }
            Command::Create { mailbox, special_use } => Ok(self.create(account, &mailbox, &special_use)),
            Command::Delete(mailbox) => Ok(acl::refuses(account, &mailbox, 'x')
                .unwrap_or_else(|| changed(account.delete(mailbox.as_bytes())))),
            Command::Rename { from, to } => Ok(self.rename(account, &from, &to)),
            Command::Subscribe(mailbox) => Ok(mailboxes::subscribe(account, &mailbox)),
            Command::Unsubscribe(mailbox) => Ok(mailboxes::unsubscribe(account, &mailbox)),
            Command::GetQuotaRoot(mailbox) => Ok(self.quota_root(account, &mailbox)),
            Command::GetQuota(root) => Ok(self.quota(account, &root)),
            Command::SetQuota { root, limits } => Ok(self.set_quota(account, &root, &limits)),
            Command::GetAcl(mailbox) => Ok(self.get_acl(account, &mailbox)),
            Command::MyRights(mailbox) => Ok(self.my_rights(account, &mailbox)),
            Command::ListRights { mailbox, identifier } => {
                Ok(self.list_rights(account, &mailbox, &identifier))
            }
            Command::SetAcl { mailbox, identifier, change } => {
                Ok(acl::set_acl(account, &mailbox, &identifier, &change))
            }
            Command::DeleteAcl { mailbox, identifier } => Ok(acl::delete_acl(account, &mailbox, &identifier)),
            Command::GetMetadata { mailbox, options, entries } => {
                Ok(self.get_metadata(account, &mailbox, options, &entries))
            }
            Command::SetMetadata { mailbox, entries } => {
                Ok(metadata::set_metadata(account, &mailbox, &entries))
            }
            Command::Notify(notify) => Ok(self.notify(account, notify)),
            Command::MultiSearch(multi) => Ok(self.multi_search(account, &multi)),
            Command::Idle => self.idle().await,
            command => match self.selected.take() {
                None => Ok(bad("select a mailbox first")),
                Some(mut selected) => match self.execute_in(account, &mut selected, command).await? {
                    Selection::Kept(status) => {
                        self.selected = Some(selected);
                        Ok(status)
                    }
                    Selection::Dropped(status) => Ok(status),
                },
            },
        }
    }

    /// What needs a selected mailbox.
    async fn execute_in(
        &mut self,
        account: &Account,
        selected: &mut Selected,
        command: Command,
    ) -> Result<Selection, End> {
        if let Some(refused) = selected.refuses(account, &command) {
            return Ok(Selection::Kept(refused));
        }
        let status = match command {
            Command::Check => done(),
            Command::Unselect => return Ok(Selection::Dropped(done())),
            Command::Close => {
                let removed = if selected.read_only {
                    Vec::new()
                } else {
                    messages::remove_deleted(account, selected, None)
                };
                let status = self.expunged(account, selected, &removed);
                return Ok(Selection::Dropped(status));
            }
            Command::Expunge => self.expunge(account, selected, None),
            Command::UidExpunge(set) => self.expunge(account, selected, Some(&set)),
            Command::Search { uid, returns, key } => {
                // An ESEARCH in any case with IMAP4rev2 (RFC 9051 6.4.4).
                let returns = returns.or_else(|| self.enabled.rev2.then(Vec::new));
                self.search(account, selected, &search::Wanted { uid, returns, key, order: None })
            }
            Command::Sort { uid, returns, order, key } => {
                self.search(account, selected, &search::Wanted { uid, returns, key, order: Some(order) })
            }
            Command::Thread { uid, algorithm, key } => self.thread(account, selected, uid, &algorithm, &key),
            Command::Fetch { uid, set, items, modifiers } => {
                self.fetch(account, selected, Wanted { uid, set, items, modifiers }).await?
            }
            Command::Store { uid, set, action, silent, flags, unchanged_since } => {
                let change = Change { uid, set, action, silent, flags, unchanged_since };
                self.store(account, selected, &change)
            }
            Command::Copy { uid, set, mailbox } => self.copy_messages(account, selected, uid, &set, &mailbox),
            Command::Move { uid, set, mailbox } => self.move_messages(account, selected, uid, &set, &mailbox),
            _ => bad("this server doesn't know that command"),
        };
        Ok(Selection::Kept(status))
    }
}

/// Whether the mailbox is still selected when a command is done.
enum Selection {
    Kept(Status),
    Dropped(Status),
}
