//! Clients of others against the server, where they are installed.

use std::path::Path;
use std::process::Stdio;

use mail_testkit::{Corpus, Endpoint, Server};
use tokio::process::Command;

const PASSWORD: &str = "correct horse \"battery\" \\ staple";

/// Whether the program is there; says so if it isn't.
async fn is_installed(program: &str) -> bool {
    let version =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    let installed = version.is_ok_and(|status| status.success());
    if !installed {
        println!("skipped: {program} isn't installed");
    }
    installed
}

/// The server's authority in a file, which goes with what is returned.
fn ca_file(server: &Server) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), server.ca_pem()).unwrap();
    file
}

#[tokio::test]
async fn python_s_imaplib_works() {
    if !is_installed("python3").await {
        return;
    }
    let server = Server::builder()
        .user("alice", PASSWORD)
        .messages(
            "INBOX",
            ["Subject: one\r\n\r\nfirst body\r\n", "Subject: two\r\n\r\nsecond body\r\n", "\r\n"],
        )
        .mailbox("Entw&APw-rfe")
        .start()
        .await
        .unwrap();
    let ca_file = ca_file(&server);
    let port = |endpoint| server.address(endpoint).port().to_string();
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imaplib_session.py"))
        .args(["127.0.0.1", &port(Endpoint::ImapTls), &port(Endpoint::ImapStartTls)])
        .arg(ca_file.path())
        .env("PASSWORD", PASSWORD)
        .output()
        .await
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("imaplib is content"), "{said}\n{complained}\n{:#?}", server.report().commands);
    let secret = server.report().commands.iter().any(|command| command.text.contains("battery"));
    assert!(!secret, "a password is among the commands");
}

#[tokio::test]
async fn curl_lists_and_fetches() {
    if !is_installed("curl").await {
        return;
    }
    let server = Server::builder()
        .user("alice", PASSWORD)
        .messages("INBOX", Corpus::new(30, 3))
        .mailbox("Archive")
        .start()
        .await
        .unwrap();
    let ca_file = ca_file(&server);
    let curl = async |endpoint: Endpoint, scheme: &str, path: &str, more: &[&str]| {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--max-time", "60"])
            .args(["--user", &format!("alice:{PASSWORD}")])
            .arg("--cacert")
            .arg(ca_file.path())
            .args(more)
            .arg(format!("{scheme}://localhost:{}/{path}", server.address(endpoint).port()))
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let listed = curl(Endpoint::ImapTls, "imaps", "", &[]).await;
    let listed = String::from_utf8_lossy(&listed);
    assert!(listed.contains("INBOX") && listed.contains("Archive"), "{listed}");
    for stored in server.account("alice").unwrap().messages("INBOX").unwrap() {
        let (endpoint, scheme, more): (_, _, &[&str]) = match stored.uid % 2 {
            0 => (Endpoint::ImapTls, "imaps", &[]),
            _ => (Endpoint::ImapStartTls, "imap", &["--ssl-reqd"]),
        };
        let fetched = curl(endpoint, scheme, &format!("INBOX;UID={}", stored.uid), more).await;
        assert!(fetched == stored.body, "message {} differs", stored.uid);
    }
}
