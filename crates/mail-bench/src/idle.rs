//! What connections cost that have nothing to do: how much memory, and whether a process bears thousands of them.
//!
//! The server is the embedded one, in a process of its own.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mail_client::{
    imap::{Change, ImapClient, NewMessage},
    transport::Tls,
};
use mail_testkit::{Endpoint, Server};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    allocations,
    failure::Failed,
    report::{Reach, Report, Row, Samples},
};

/// So many are open in each of the two ways: with nothing to do, and watched.
const CONNECTIONS: usize = 200;
const WATCHERS: usize = 2_000;

/// What else a process has open.
const OTHER_FILES: usize = 100;

/// What an idle connection may hold of the heap, in KiB.
const MOST: f64 = 40.0;

const PATIENCE: Duration = Duration::from_secs(300);

/// Measures this share of them.
pub(crate) fn run(scale: f64) -> Result<Report, Failed> {
    let scaled = |count: usize| ((count as f64 * scale).round() as usize).max(1);
    let (connections, watchers) = (scaled(CONNECTIONS), scaled(WATCHERS));
    let files = open_files()?;
    if files < watchers + OTHER_FILES {
        return Err(format!("{watchers} watchers need more than the {files} files that may be open").into());
    }
    let server = Running::start(watchers + OTHER_FILES)?;
    allocations::weigh();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(runtime.spawn(async move {
        let work = async {
            let idle = idle(&server.client(connections + 2)?, connections).await?;
            let (watched, told) = watched(&server.client(watchers + 2)?, watchers).await?;
            Ok::<_, Failed>((idle, watched, told))
        };
        let (idle, watched, told) = tokio::time::timeout(PATIENCE, work).await??;
        let row = |work: String, metric, unit, sample, reach| Row {
            work: work.into(),
            metric,
            unit,
            better: "less",
            ours: Samples(vec![sample]),
            rivals: Vec::new(),
            floor: None,
            reach,
            scale,
        };
        let rows = vec![
            row(format!("idle-{connections}"), "heap", "KiB", idle, vec![Reach::AtMost(MOST)]),
            row(format!("watched-{watchers}"), "heap", "KiB", watched, Vec::new()),
            row(format!("watched-{watchers}"), "all told", "ms", told, Vec::new()),
        ];
        Ok::<_, Failed>(Report { name: "idle", rows })
    }))?
}

/// The heap of one of these connections, in KiB.
async fn idle(client: &ImapClient, count: usize) -> Result<f64, Failed> {
    // What there is once for all is there before.
    client.noop().await?;
    let before = allocations::heap();
    let mut connections = Vec::new();
    for _ in 0..count {
        let connection = client.create_connection().await?;
        client.via(&connection).noop().await?;
        connections.push(connection);
    }
    let each = each(allocations::heap() - before, count);
    client.close().await;
    Ok(each)
}

/// The heap of one watched connection with its watcher, in KiB, and how long it takes until all have told of a message,
/// in milliseconds.
async fn watched(client: &ImapClient, count: usize) -> Result<(f64, f64), Failed> {
    client.noop().await?;
    let before = allocations::heap();
    let (sender, mut told) = mpsc::unbounded_channel();
    let mut watchers = JoinSet::new();
    for _ in 0..count {
        let mut changes = client.watch("INBOX").tell_all().start();
        let told = sender.clone();
        watchers.spawn(async move {
            while let Some(change) = changes.next().await {
                if let Change::New { uid, .. } = change? {
                    // If nobody listens, all is over.
                    let _ = told.send(uid);
                }
            }
            Ok::<_, mail_client::Error>(())
        });
    }
    for _ in 0..count {
        next(&mut told, &mut watchers, 1).await?;
    }
    let each = each(allocations::heap() - before, count);
    let begun = Instant::now();
    client.append("INBOX", NewMessage::new("Subject: two\r\n\r\n")).await?;
    for _ in 0..count {
        next(&mut told, &mut watchers, 2).await?;
    }
    let taken = begun.elapsed();
    watchers.shutdown().await;
    client.close().await;
    Ok((each, taken.as_secs_f64() * 1e3))
}

/// Waits for one of the watchers to tell of this message.
async fn next(
    told: &mut mpsc::UnboundedReceiver<u32>,
    watchers: &mut JoinSet<mail_client::Result<()>>,
    wanted: u32,
) -> Result<(), Failed> {
    tokio::select! {
        uid = told.recv() => match uid {
            Some(uid) if uid == wanted => Ok(()),
            other => Err(format!("a watcher told of {other:?}, not of {wanted}").into()),
        },
        Some(ended) = watchers.join_next() => Err(format!("a watcher ended: {ended:?}").into()),
    }
}

fn each(bytes: i64, count: usize) -> f64 {
    bytes as f64 / 1024.0 / count as f64
}

/// How many files this process may have open.
fn open_files() -> Result<usize, Failed> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_ascii_whitespace().next()).ok_or("no limit is told")?;
    Ok(if soft == "unlimited" { usize::MAX } else { soft.parse()? })
}

/// The argument that makes this program the server.
pub(crate) const SERVER: &str = "idle-server";

/// Serves until standard input ends.
pub(crate) fn serve(most: Option<&str>) -> Result<(), Failed> {
    let most = most.ok_or("how many connections?")?.parse()?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let server = Server::builder()
            .user(USER, PASSWORD)
            .messages("INBOX", ["Subject: one\r\n\r\n"])
            .max_connections_per_user(most)
            .start()
            .await?;
        let port = server.address(Endpoint::ImapTls).port();
        println!("{}", json!({ "port": port, "ca": server.ca_pem() }));
        io::stdout().flush()?;
        tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    })
}

const USER: &str = "kim";
const PASSWORD: &str = "secret";

/// The server's process.
struct Running {
    process: Child,
    port: u16,
    ca: String,
}

impl Running {
    fn start(most: usize) -> Result<Self, Failed> {
        let mut process = Command::new(env::current_exe()?)
            .args([SERVER, &most.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let told: Value = serde_json::from_str(&line)?;
        let port = told["port"].as_u64().and_then(|port| port.try_into().ok()).ok_or("no port")?;
        Ok(Self { process, port, ca: told["ca"].as_str().unwrap_or_default().to_owned() })
    }

    fn client(&self, connections: usize) -> Result<ImapClient, Failed> {
        let tls = Tls::builder().root_pem(self.ca.as_bytes())?.build()?;
        let client = ImapClient::builder("127.0.0.1", USER).port(self.port).password(PASSWORD).tls(tls);
        Ok(client.mechanisms([]).max_connections(connections).build()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
