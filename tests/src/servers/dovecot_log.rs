//! What Dovecot's log says of its IMAP sessions: a witness that no client of ours can sway.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Info;

/// Counts since the server was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins refused because the user had too many connections.
    pub over_the_limit: u64,
    /// Bodies given out, by sessions that are over. One that is fetched in parts counts for each part.
    pub bodies: u64,
    /// Messages expunged, by sessions that are over.
    pub expunged: u64,
}

/// Reads the log as soon as every session in it is over.
///
/// # Panics
/// If there is no log, or a session goes on for 60 s: this is for tests whose client has gone.
pub fn read(server: &Info) -> Sessions {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let log = fs::read_to_string(server.dir.join("dovecot.log")).expect("Dovecot's log");
        let (sessions, ended) = count(&log);
        if sessions.logins == ended {
            return sessions;
        }
        assert!(Instant::now() < deadline, "{} logins, {ended} ends:\n{log}", sessions.logins);
        // The log is all that there is to look at: Dovecot tells nobody else.
        sleep(Duration::from_millis(20));
    }
}

/// The counts, and how many sessions are over.
fn count(log: &str) -> (Sessions, u64) {
    let mut sessions = Sessions::default();
    let mut ended = 0;
    for line in log.lines() {
        let number = |key: &str| -> Option<u64> {
            line.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.parse().ok())
        };
        if line.contains("imap-login: Info: Login: ") {
            sessions.logins += 1;
        } else if line.contains("imap-login: ") && line.contains("Maximum number of connections") {
            sessions.over_the_limit += 1;
        } else if let Some(bodies) = number("body_count=") {
            ended += 1;
            sessions.bodies += bodies;
            sessions.expunged += number("expunged=").unwrap_or_default();
        }
    }
    (sessions, ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted() {
        let log = "imap-login: Info: Login: user=<tester>, method=PLAIN, TLS\n\
                   imap-login: Info: Login: user=<tester>, method=PLAIN, TLS\n\
                   imap-login: Info: Disconnected: Maximum number of connections from user+IP exceeded\n\
                   imap-login: Info: Disconnected: Connection closed (no auth attempts in 0 secs)\n\
                   imap(tester)<1><x>: Info: Disconnected: Logged out in=1 out=2 deleted=0 expunged=1 trashed=0 \
                   hdr_count=0 hdr_bytes=0 body_count=7 body_bytes=70\n";
        let sessions = Sessions { logins: 2, over_the_limit: 1, bodies: 7, expunged: 1 };
        assert_eq!(count(log), (sessions, 1));
    }
}
