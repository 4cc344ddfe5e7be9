//! A Dovecot full of mail, with its mail in memory where there is a file system for that.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, chown, symlink},
    path::Path,
};

use system_tests::{
    servers::{Server, dovecot},
    wire::Wire,
};
use tempfile::TempDir;

use super::{Failed, mail};

/// Where mail lies in memory.
const MEMORY: &str = "/dev/shm";

/// Mailboxes, and how many messages are in each.
pub(super) const LIST: &str = "list";
pub(super) const BODIES: &str = "bodies";
pub(super) const LARGE: &str = "large";

/// How many APPENDs are on their way at a time.
const WINDOW: usize = 50;

/// What is to be in the mailboxes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filling {
    pub(super) list: usize,
    pub(super) bodies: usize,
    /// Bytes of the one message.
    pub(super) large: usize,
    /// How many users without mail there are besides.
    pub(super) fresh_users: usize,
}

/// The server, and its folder in memory.
pub(super) struct Dovecot {
    pub(super) server: Server,
    _memory: Option<TempDir>,
}

impl Dovecot {
    pub(super) fn start(filling: Filling) -> Result<Self, Failed> {
        let mut options = dovecot::Options::default();
        // Logging in and out quickly, it still counts connections that are gone.
        options.max_userip_connections = Some(500);
        let server = dovecot::start(&options)?;
        let memory = into_memory(&server.info().dir.join("mail"))?;
        let mut users = fs::OpenOptions::new().append(true).open(server.info().dir.join("users"))?;
        for number in 0..filling.fresh_users {
            writeln!(users, "{}:{{PLAIN}}{}", fresh_user(number), server.info().password)?;
        }
        let made = Self { server, _memory: memory };
        made.fill(filling)?;
        Ok(made)
    }

    fn fill(&self, filling: Filling) -> Result<(), Failed> {
        let mut wire = Wire::log_in(self.server.info())?;
        let bodies = (0..filling.bodies).map(|number| mail::of_size(number, mail::body_size(number)));
        for (mailbox, count, messages) in [
            (LIST, filling.list, &mut (0..filling.list).map(mail::to_list) as &mut dyn Iterator<Item = _>),
            (BODIES, filling.bodies, &mut { bodies }),
            (
                LARGE,
                filling.large,
                &mut (filling.large > 0).then(|| mail::of_size(0, filling.large)).into_iter(),
            ),
        ] {
            if count == 0 {
                continue;
            }
            wire.command(format!("CREATE {mailbox}").as_bytes())?;
            for (sent, message) in messages.enumerate() {
                wire.append(mailbox, "\\Seen", "01-Feb-2024 00:00:00 +0000", &message)?;
                if sent % WINDOW == 0 {
                    wire.answers()?;
                }
            }
            wire.answers()?;
        }
        wire.command(b"LOGOUT")?;
        Ok(())
    }
}

/// A user who has no mail.
pub(super) fn fresh_user(number: usize) -> String {
    format!("fresh{number}")
}

/// Puts the folder into memory, if it can be.
fn into_memory(folder: &Path) -> Result<Option<TempDir>, Failed> {
    if !Path::new(MEMORY).is_dir() {
        eprintln!("there is no {MEMORY}: mail lies on a disk");
        return Ok(None);
    }
    let owner = fs::metadata(folder)?;
    let memory = tempfile::Builder::new().prefix("mail-bench-").tempdir_in(MEMORY)?;
    chown(memory.path(), Some(owner.uid()), Some(owner.gid()))?;
    fs::remove_dir(folder)?;
    symlink(memory.path(), folder)?;
    Ok(Some(memory))
}
