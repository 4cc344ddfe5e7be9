//! The main job on the embedded server, in three ways.

mod table;
mod verify;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use mail_client::{imap::ImapClient, transport::Tls};
use mail_testkit::{Corpus, Endpoint, Message, Server};
use sha2::{Digest, Sha256};

use self::{
    table::{Row, Table},
    verify::verify,
};
use crate::{
    archive::Archive,
    backup::{Pace, Run, named},
    cli,
    disk::{self, failed},
    failure::Failure,
    progress::note,
    quantity::human_bytes,
    say,
    state::Account,
    stop::{KEPT, Stop},
};

const USER: &str = "demo";
const PASSWORD: &str = "demo";
/// The same mail in every run.
const SEED: u64 = 1;

/// Downloads the same mail in three ways, and prints what each took.
pub(crate) async fn run(options: &cli::Demo) -> Result<(), Failure> {
    let stop = Stop::on_signals(KEPT);
    let (directory, _kept_until_the_end) = directory(options.keep.as_deref())?;
    let messages: Vec<Message> = Corpus::new(options.messages as usize, SEED).collect();
    let bytes: u64 = messages.iter().map(|message| message.body().len() as u64).sum();
    note(&format!(
        "{} messages, {}, {:?} of latency, {}/s for each connection",
        messages.len(),
        human_bytes(bytes),
        options.latency,
        human_bytes(options.bandwidth)
    ));
    let ways = [
        ("1 connection, one message at a time".to_owned(), "one-at-a-time", 1, Pace::OneByOne),
        ("1 connection, pipelined".to_owned(), "pipelined", 1, Pace::Pipelined),
        (
            format!("{} connections", options.connections),
            "connections",
            options.connections.into(),
            Pace::Pipelined,
        ),
    ];
    let mut rows = Vec::new();
    for (way, folder, connections, pace) in ways {
        let to = directory.join(folder);
        rows.push(download(options, &messages, way, &to, connections, pace, &stop).await?);
    }
    say(Table(&rows).to_string().trim_end());
    match rows.iter().filter(|row| !row.is_exact()).count() {
        0 => Ok(()),
        differing => Err(Failure::Differs { differing }),
    }
}

/// Where the Maildirs go; removed at the end unless they are to be kept.
fn directory(keep: Option<&Path>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    let Some(keep) = keep else {
        let temporary = tempfile::tempdir().map_err(failed("create a folder in", &std::env::temp_dir()))?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    disk::make_folder(keep)?;
    if keep.read_dir().map_err(failed("read the folder", keep))?.next().is_some() {
        return Err(Failure::NotEmpty(keep.to_owned()));
    }
    Ok((keep.to_owned(), None))
}

async fn download(
    options: &cli::Demo,
    messages: &[Message],
    way: String,
    to: &Path,
    connections: usize,
    pace: Pace,
    stop: &Stop,
) -> Result<Row, Failure> {
    // A server of its own, so that what it counts is of this way alone. The mail is shared, not copied.
    let server = Server::builder()
        .user(USER, PASSWORD)
        .messages("INBOX", messages.iter().cloned())
        .latency(options.latency)
        .bandwidth(options.bandwidth)
        .start()
        .await?;
    let address = server.address(Endpoint::ImapTls);
    let tls = Tls::builder().root_pem(server.ca_pem().as_bytes()).and_then(|tls| tls.build());
    let client = ImapClient::builder(address.ip().to_string(), USER)
        .port(address.port())
        .password(PASSWORD)
        .tls(tls.map_err(mail_client::Error::from)?)
        .max_connections(connections)
        .build()?;
    let account = Account { user: USER.to_owned(), host: address.ip().to_string() };
    let archive = Arc::new(Archive::open(to, account, false)?);
    let run =
        Run { client: client.clone(), archive: Arc::clone(&archive), stop: stop.clone(), connections, pace };

    let start = Instant::now();
    let listed = run.until_stopped(client.list("", "INBOX")).await?;
    let (came, result) = run.mailbox(&named(listed, "INBOX"), true, &way).await;
    result?;
    archive.commit()?;
    let time = start.elapsed();
    let _ = tokio::time::timeout(Duration::from_secs(5), client.close()).await;

    let wanted: Vec<[u8; 32]> = match server.account(USER).map(|account| account.messages("INBOX")) {
        Some(Ok(held)) => held.iter().map(|message| Sha256::digest(&message.body).into()).collect(),
        _ => Vec::new(),
    };
    let expected = wanted.len() as u64;
    let (files, verified) = verify(to, wanted).map_err(failed("read the mail in", to))?;
    Ok(Row {
        way,
        time,
        messages: files,
        bytes: came.bytes,
        peak_connections: server.report().connections.peak,
        verified,
        expected,
    })
}
