//! The demo: three ways, the same mail.

system_tests::watch_for_secrets!();

mod support;

use support::{files, mailctl, run};

#[tokio::test(flavor = "multi_thread")]
async fn three_ways_give_what_the_server_holds() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("kept");
    let demo = || {
        let mut command = mailctl(&["demo", "--messages", "40", "--latency", "2ms", "--bandwidth", "50MB"]);
        command.args(["--connections", "4", "--keep"]).arg(&keep);
        command
    };
    let first = run(demo()).await;
    assert_eq!(first.status, Some(0), "{first:?}");
    let rows: Vec<_> = first.stdout.lines().collect();
    assert_eq!(rows.len(), 4, "{first:?}");
    assert!(rows[0].starts_with("way") && rows[0].ends_with("verified"), "{rows:?}");
    assert!(rows[1..].iter().all(|row| row.ends_with("40 of 40")), "{rows:?}");
    let peaks: Vec<_> = rows[1..].iter().map(|row| row.split_whitespace().rev().nth(3).unwrap()).collect();
    assert_eq!(peaks[..2], ["1", "1"]);
    assert!(peaks[2].parse::<u32>().unwrap() > 1, "{rows:?}");

    let ways: Vec<_> = ["one-at-a-time", "pipelined", "connections"].map(|way| files(&keep.join(way))).into();
    assert_eq!(ways[0].len(), 40);
    assert!(ways[0] == ways[1] && ways[1] == ways[2]);

    // What is there is not written over.
    let second = run(demo()).await;
    assert_eq!(second.status, Some(2), "{second:?}");
}
