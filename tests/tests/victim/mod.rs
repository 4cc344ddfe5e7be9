//! A program that starts a server and is killed: this one, once more.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{park, sleep};
use std::time::{Duration, Instant};

use system_tests::counted::say;
use system_tests::servers::{Info, Server};

/// Set for the one that is to be killed.
const VICTIM: &str = "VICTIM";

/// What it says before the server's folder.
const SIGN: &str = "victim: ";

/// Sees that nothing is left of a server whose program was killed. `test` is the name of the test that calls this.
pub(crate) fn nothing_is_left_of_its_server(test: &str, start: impl FnOnce() -> Server) {
    if env::var_os(VICTIM).is_some() {
        let server = start();
        say(&format!("{SIGN}{}", server.info().dir.display()));
        loop {
            park();
        }
    }
    let mut victim = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env(VICTIM, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let dir = lines.find_map(|line| line.unwrap().strip_prefix(SIGN).map(str::to_owned)).expect("a server");
    let info = Info::read(Path::new(&dir)).unwrap();
    assert!(info.is_running());
    victim.kill().unwrap();
    victim.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while info.is_running() || info.dir.exists() {
        assert!(Instant::now() < until, "{dir} is there, or its process {}", info.pid);
        // Its parent was killed: there is nobody to tell.
        sleep(Duration::from_millis(20));
    }
}
