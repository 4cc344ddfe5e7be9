//! What becomes of a server whose program is gone before it could stop it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::ServerError;

/// Ends a server, and removes its folder, as soon as this program is gone, however it went: it reads from a pipe that
/// only this program holds open. Dropped, it does nothing more.
#[derive(Debug)]
pub(super) struct Guard(Child);

/// The server's processes are a group of its own; what isn't in it ends with its first process.
const WATCH: &str = "trap '' HUP INT QUIT TERM
read -r _
kill -s KILL -- \"-$1\"
for try in 1 2 3; do
    rm -rf -- \"$2\" && break
    sleep 1
done";

impl Guard {
    /// Over the server whose processes are in this group, and its folder.
    pub(super) fn over(group: u32, folder: &Path) -> Result<Self, ServerError> {
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH, "guard", &group.to_string()]).arg(folder);
        shell.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Self).map_err(ServerError::io("run", Path::new("sh")))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // First this, then the pipe.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
