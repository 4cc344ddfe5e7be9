//! ImapClient while Dovecot's processes are killed and its configuration is loaded anew: every message is accounted for.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use mail_client::imap::{FetchItems, ImapClient, NewMessage, SequenceSet};
use mail_client::transport::Tls;
use system_tests::counted::counted;
use system_tests::servers::Info;
use system_tests::servers::dovecot::{self, Options};
use tokio::time::{Instant, sleep, timeout};

fn client(server: &Info) -> ImapClient {
    let tls = Tls::builder().root_pem(&fs::read(&server.ca_file).unwrap()).unwrap().build().unwrap();
    let builder = ImapClient::builder("127.0.0.1", &server.user).port(server.ports["imaps"]);
    builder.password(&*server.password).tls(tls).max_connections(6).build().unwrap()
}

/// The processes of this name that this one started.
fn children(of: u32, name: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name stands in parentheses, and may have some in it.
        let Some((begin, rest)) = stat.rsplit_once(") ") else { continue };
        let parent = rest.split(' ').nth(1).and_then(|parent| parent.parse().ok());
        if begin.ends_with(&format!("({name}")) && parent == Some(of) {
            found.push(pid);
        }
    }
    found
}

fn signal(name: &str, pid: u32) {
    // One that is gone by now needs none.
    let _ = Command::new("kill").args([name, &pid.to_string()]).output();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Dovecot: cargo xtask test"]
async fn every_message_is_accounted_for_while_processes_are_killed() {
    let server = dovecot::start(&Options::default()).unwrap();
    let info = server.info().clone();
    let client = client(&info);
    let until = Instant::now() + Duration::from_secs(6);
    let tasks: Vec<_> = (0..12)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                // What became of each, by its subject: whether it is there, if that is known.
                let mut appended = BTreeMap::new();
                let own = if task % 3 == 0 { client.create_connection().await.ok() } else { None };
                let client = own.as_ref().map_or_else(|| client.clone(), |own| client.via(own));
                for turn in 0.. {
                    if Instant::now() > until {
                        break;
                    }
                    let subject = format!("letter-{task}-{turn}");
                    let letter = NewMessage::new(format!("Subject: {subject}\r\n\r\nhello\r\n"));
                    let known = match client.append("INBOX", letter).await {
                        Ok(_) => Some(true),
                        Err(error) if !error.was_written() => Some(false),
                        Err(_) => None,
                    };
                    appended.insert(subject, known);
                    // Reading goes on or ends in an error, and never in something else.
                    if let Ok(inbox) = client.examine("INBOX").await {
                        let mut mail = inbox.fetch(SequenceSet::starting_at(1), FetchItems::new().body());
                        while let Some(message) = mail.next().await {
                            let Ok(message) = message else { break };
                            if let Ok(body) = message.into_body().bytes().await {
                                assert!(
                                    body.starts_with(b"Subject: letter-") && body.ends_with(b"hello\r\n")
                                );
                            }
                        }
                    }
                }
                appended
            })
        })
        .collect();
    let mut killed = 0;
    while Instant::now() < until {
        sleep(Duration::from_millis(150)).await;
        match children(info.pid, "imap").first() {
            Some(pid) if killed % 8 < 7 => signal("-KILL", *pid),
            // Ends them all, and reads the configuration again.
            _ => signal("-HUP", info.pid),
        }
        killed += 1;
    }
    let mut appended = BTreeMap::new();
    for task in tasks {
        let ended = timeout(Duration::from_secs(120), task).await.expect("every call ends");
        appended.append(&mut ended.unwrap());
    }
    // How much was done depends on how long the server was away.
    assert!(killed > 20 && !appended.is_empty(), "{killed} killed, {} letters", appended.len());

    let mut there: BTreeMap<String, usize> = BTreeMap::new();
    let inbox = client.examine("INBOX").await;
    // The last of the connections may have been lost unnoticed.
    let inbox = if let Ok(inbox) = inbox { inbox } else { client.examine("INBOX").await.unwrap() };
    let mut mail = inbox.fetch(SequenceSet::all(), FetchItems::new().body());
    while let Some(message) = mail.next().await {
        let body = message.unwrap().into_body().bytes().await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let subject = text.lines().next().unwrap().strip_prefix("Subject: ").unwrap();
        *there.entry(subject.to_owned()).or_default() += 1;
    }
    for (subject, known) in &appended {
        let count = there.remove(subject).unwrap_or(0);
        match known {
            Some(is_there) => assert_eq!(count, usize::from(*is_there), "{subject}"),
            None => assert!(count <= 1, "{subject} is there {count} times"),
        }
    }
    assert!(there.is_empty(), "nobody sent these: {there:?}");
    let status = client.pool_status();
    assert!(status.connections.len() <= 6 && status.closed > 5, "{status}");
    client.close().await;
    counted("messages accounted for", appended.len() as u64);
}
