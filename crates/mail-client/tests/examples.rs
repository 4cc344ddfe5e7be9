//! The examples run, each by itself against a server of its own.

system_tests::watch_for_secrets!();

use std::time::Duration;

use tokio::{process::Command, time::timeout};

/// Far more than any of them takes.
const LONGEST: Duration = Duration::from_secs(60);

async fn run(example: &str) -> String {
    // Beside the tests, where cargo builds the examples too.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.set_file_name("examples");
    let path = path.join(example);
    assert!(path.exists(), "build the examples first, as `cargo test -p mail-client` does without `--test`");
    let running = Command::new(path).kill_on_drop(true).output();
    let output = timeout(LONGEST, running).await.unwrap_or_else(|_| panic!("{example} doesn't end")).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{example}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn they_run_and_do_what_they_say() {
    let cases = [
        ("first_mail", "message 10 has "),
        ("many_tasks_on_main", "60 messages in all; 1 open"),
        ("default_connection_per_task", "Family: 20 messages, over connection Some("),
        ("independent_connections", "the server never saw more than "),
        ("default_connection_per_thread", "Family: 20 messages, "),
        ("thread_pool", "Work: the longest is message "),
        ("fan_out_download", "30 messages, "),
        ("watch", "1 is gone\nknown: true"),
        ("pop3_download_and_delete", "10 are marked\n0 are left"),
        ("send_many", "100 sent over "),
        ("oauth", "token 2 is fetched, since the last was refused\nlogged in"),
    ];
    for (example, expected) in cases {
        let said = run(example).await;
        assert!(said.contains(expected), "{example}: {said}");
    }
}
