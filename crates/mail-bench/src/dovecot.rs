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

use crate::{account::Account, failure::Failed};

/// Where mail lies in memory.
const MEMORY: &str = "/dev/shm";

/// The mailbox that everybody has.
pub(crate) const INBOX: &str = "INBOX";

/// How many APPENDs are on their way at a time.
const WINDOW: usize = 50;

/// The server, and its folder in memory.
pub(crate) struct Dovecot {
    server: Server,
    _memory: Option<TempDir>,
}

impl Dovecot {
    /// Starts one with these users besides the one that it always has.
    pub(crate) fn start(users: impl IntoIterator<Item = String>) -> Result<Self, Failed> {
        let mut options = dovecot::Options::default();
        // Logging in and out quickly, it still counts connections that are gone.
        options.max_userip_connections = Some(500);
        let server = dovecot::start(&options)?;
        let memory = into_memory(&server.info().dir.join("mail"))?;
        let mut list = fs::OpenOptions::new().append(true).open(server.info().dir.join("users"))?;
        for user in users {
            writeln!(list, "{user}:{{PLAIN}}{}", server.info().password)?;
        }
        Ok(Self { server, _memory: memory })
    }

    /// The user whom it always has.
    pub(crate) fn user(&self) -> &str {
        &self.server.info().user
    }

    /// Where a user logs in: at this service of `imap`, `imaps`, `pop3` and `pop3s`.
    pub(crate) fn account(&self, service: &str, user: impl Into<String>) -> Account {
        let info = self.server.info();
        Account {
            port: info.ports[service],
            ca_file: service.ends_with('s').then(|| info.ca_file.clone()),
            user: user.into(),
            password: info.password.clone(),
        }
    }

    /// Puts messages into a user's mailbox, which is made unless it is the INBOX.
    pub(crate) fn fill(
        &self,
        user: &str,
        mailbox: &str,
        messages: impl Iterator<Item = Vec<u8>>,
    ) -> Result<(), Failed> {
        let Account { port, password, .. } = self.account("imap", user);
        let mut wire = Wire::connect(port, user, &password)?;
        if mailbox != INBOX {
            wire.command(format!("CREATE {mailbox}").as_bytes())?;
        }
        for (sent, message) in messages.enumerate() {
            wire.append(mailbox, "\\Seen", "01-Feb-2024 00:00:00 +0000", &message)?;
            if sent % WINDOW == 0 {
                wire.answers()?;
            }
        }
        wire.answers()?;
        wire.command(b"LOGOUT")?;
        Ok(())
    }
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
