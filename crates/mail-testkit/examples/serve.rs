//! Serves a mailbox of generated mail until its standard input closes or it is interrupted.
//!
//! `serve [--messages N] [--seed N] [--latency 20ms] [--bandwidth 4MB] [--max-connections N]`
//!
//! Prints one line of JSON: `host`, the ports `imaps`, `starttls` and `plain` for IMAP, `pop3s`, `pop3_stls` and
//! `pop3_plain` for POP3, `smtps`, `smtp_starttls` and `smtp_plain` for SMTP, `user`, `password`, `ca_file`.

use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use mail_testkit::{Corpus, Endpoint, Server};
use serde_json::json;
use tokio::sync::oneshot;

const USER: &str = "demo";
const PASSWORD: &str = "demo";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut messages = 100;
    let mut seed = 1;
    let mut builder = Server::builder();
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--messages" => messages = value.parse()?,
            "--seed" => seed = value.parse()?,
            "--latency" => {
                let milliseconds = value.strip_suffix("ms").ok_or("--latency is given as 20ms")?;
                builder = builder.latency(Duration::from_millis(milliseconds.parse()?));
            }
            "--bandwidth" => {
                let megabytes = value.strip_suffix("MB").ok_or("--bandwidth is given as 4MB, a second")?;
                builder = builder.bandwidth(megabytes.parse::<u64>()? * 1_000_000);
            }
            "--max-connections" => builder = builder.max_connections_per_user(value.parse()?),
            _ => return Err(format!("unknown option {option}").into()),
        }
    }
    let server = builder
        .user(USER, PASSWORD)
        .messages("INBOX", Corpus::new(messages, seed))
        .mailbox("Archive/2023")
        .mailbox("Entw&APw-rfe")
        .start()
        .await?;

    let ca_file = tempfile::Builder::new().prefix("mail-testkit-").suffix(".pem").tempfile()?;
    std::fs::write(ca_file.path(), server.ca_pem())?;
    let port = |endpoint| server.address(endpoint).port();
    let line = json!({
        "host": "127.0.0.1",
        "imaps": port(Endpoint::ImapTls),
        "starttls": port(Endpoint::ImapStartTls),
        "plain": port(Endpoint::ImapPlain),
        "pop3s": port(Endpoint::Pop3Tls),
        "pop3_stls": port(Endpoint::Pop3StartTls),
        "pop3_plain": port(Endpoint::Pop3Plain),
        "smtps": port(Endpoint::SmtpTls),
        "smtp_starttls": port(Endpoint::SmtpStartTls),
        "smtp_plain": port(Endpoint::SmtpPlain),
        "user": USER,
        "password": PASSWORD,
        "ca_file": ca_file.path(),
    });
    println!("{line}");

    let (closed, input_closed) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    tokio::select! {
        _ = input_closed => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
