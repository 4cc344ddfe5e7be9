//! Clients of others against the server, where they are installed.

system_tests::watch_for_secrets!();

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
    python_is_content(&server, "imaplib", [Endpoint::ImapTls, Endpoint::ImapStartTls]).await;
}

#[tokio::test]
async fn python_s_poplib_works() {
    if !is_installed("python3").await {
        return;
    }
    let bodies: [&[u8]; 3] = [
        b"Subject: one\r\n\r\nfirst body\r\n",
        b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n8-bit \xff\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        b"\r\n",
    ];
    let server = Server::builder().user("alice", PASSWORD).messages("INBOX", bodies).start().await.unwrap();
    python_is_content(&server, "poplib", [Endpoint::Pop3Tls, Endpoint::Pop3StartTls]).await;
    assert_eq!(server.account("alice").unwrap().messages("INBOX").unwrap()[0].body, bodies[1]);
}

#[tokio::test]
async fn python_s_smtplib_works() {
    if !is_installed("python3").await {
        return;
    }
    let server = Server::builder()
        .user("alice", PASSWORD)
        .user("bob", "other")
        .mechanisms(["CRAM-MD5", "PLAIN", "LOGIN"])
        .refuse_recipient("nobody@example.org", "550 5.1.1 no such user")
        .start()
        .await
        .unwrap();
    python_is_content(&server, "smtplib", [Endpoint::SmtpTls, Endpoint::SmtpStartTls]).await;
    let bodies = |user| -> Vec<_> {
        let messages = server.account(user).unwrap().messages("INBOX").unwrap();
        messages.into_iter().map(|message| message.body).collect()
    };
    let (alice, bob) = (bodies("alice"), bodies("bob"));
    assert_eq!((alice.len(), bob.len()), (2, 5));
    assert!(alice[0].ends_with(b"\r\n\r\nfirst\r\n.\r\n..\r\n.end\r\n"), "{}", alice[0].escape_ascii());
    assert_eq!(bob[2], &b"Subject: raw\r\n\r\n\xe9\xff\r\n"[..]);
    let submissions = server.submissions();
    assert_eq!(submissions.len(), 5);
    assert!(submissions[1].parameters.smtp_utf8 && submissions[1].from.as_ref().unwrap().needs_utf8());
}

/// Runs a session of one of Python's modules over these two endpoints.
async fn python_is_content(server: &Server, module: &str, endpoints: [Endpoint; 2]) {
    let ca_file = ca_file(server);
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{module}_session.py")))
        .arg("127.0.0.1")
        .args(endpoints.map(|endpoint| server.address(endpoint).port().to_string()))
        .arg(ca_file.path())
        .env("PASSWORD", PASSWORD)
        .output()
        .await
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let content = format!("{module} is content");
    assert!(said.contains(&content), "{said}\n{complained}\n{:#?}", server.report().commands);
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
    let curl = Curl::of(&server);
    let listed = curl.run(Endpoint::ImapTls, "imaps", "", &[]).await;
    let listed = String::from_utf8_lossy(&listed);
    assert!(listed.contains("INBOX") && listed.contains("Archive"), "{listed}");
    for stored in server.account("alice").unwrap().messages("INBOX").unwrap() {
        let (endpoint, scheme, more): (_, _, &[&str]) = match stored.uid % 2 {
            0 => (Endpoint::ImapTls, "imaps", &[]),
            _ => (Endpoint::ImapStartTls, "imap", &["--ssl-reqd"]),
        };
        let fetched = curl.run(endpoint, scheme, &format!("INBOX;UID={}", stored.uid), more).await;
        assert!(fetched == stored.body, "message {} differs", stored.uid);
    }
}

#[tokio::test]
async fn curl_retrieves_and_deletes() {
    if !is_installed("curl").await {
        return;
    }
    let builder = Server::builder().user("alice", PASSWORD).messages("INBOX", Corpus::new(20, 4));
    let server = builder.mechanisms(["PLAIN", "LOGIN", "CRAM-MD5"]).start().await.unwrap();
    let account = server.account("alice").unwrap();
    let curl = Curl::of(&server);
    let listed = curl.run(Endpoint::Pop3Tls, "pop3s", "", &[]).await;
    assert_eq!(String::from_utf8_lossy(&listed).lines().count(), 20);
    let logins = ["AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=+APOP"];
    for (stored, login) in account.messages("INBOX").unwrap().iter().zip(logins.into_iter().cycle()) {
        let (endpoint, scheme, tls) = match stored.uid % 2 {
            0 => (Endpoint::Pop3Tls, "pop3s", "--no-ssl-reqd"),
            _ => (Endpoint::Pop3StartTls, "pop3", "--ssl-reqd"),
        };
        let path = stored.uid.to_string();
        let fetched = curl.run(endpoint, scheme, &path, &[tls, "--login-options", login]).await;
        assert!(fetched == stored.body, "message {} differs", stored.uid);
    }
    let without_sasl = Server::builder().user("alice", PASSWORD).messages("INBOX", ["by USER and PASS\r\n"]);
    let without_sasl = without_sasl.pop3_capabilities(["USER"]).start().await.unwrap();
    let fetched = Curl::of(&without_sasl).run(Endpoint::Pop3Tls, "pop3s", "1", &[]).await;
    assert_eq!(fetched, b"by USER and PASS\r\n");
    curl.run(Endpoint::Pop3Tls, "pop3s", "3", &["--request", "DELE", "--head"]).await;
    let left = account.messages("INBOX").unwrap();
    assert!(left.len() == 19 && left.iter().all(|stored| stored.uid != 3));
}

#[tokio::test]
async fn curl_submits() {
    if !is_installed("curl").await {
        return;
    }
    let server = Server::builder().user("alice", PASSWORD).start().await.unwrap();
    let curl = Curl::of(&server);
    let upload = tempfile::NamedTempFile::new().unwrap();
    let message = "Subject: from a file\r\n\r\n.\r\n..dots\r\n";
    std::fs::write(upload.path(), message).unwrap();
    let upload = upload.path().to_str().unwrap();
    let recipients = ["--mail-rcpt", "alice@example.org", "--mail-rcpt", "bob@elsewhere.example"];
    for (endpoint, scheme, tls) in
        [(Endpoint::SmtpTls, "smtps", "--no-ssl-reqd"), (Endpoint::SmtpStartTls, "smtp", "--ssl-reqd")]
    {
        let sender = [tls, "--mail-from", "alice@example.org", "--upload-file", upload];
        curl.run(endpoint, scheme, "here.example", &[&sender[..], &recipients[..]].concat()).await;
    }
    let submissions = server.submissions();
    assert_eq!(submissions.len(), 2);
    for submission in &submissions {
        assert_eq!(submission.message, message);
        assert_eq!(submission.recipients.len(), 2);
        assert_eq!(submission.user.as_deref(), Some("alice"));
    }
}

/// curl, as a user who trusts the server.
struct Curl<'a> {
    server: &'a Server,
    ca_file: tempfile::NamedTempFile,
}

impl<'a> Curl<'a> {
    fn of(server: &'a Server) -> Self {
        Self { server, ca_file: ca_file(server) }
    }

    /// What it prints of this address; it must succeed.
    async fn run(&self, endpoint: Endpoint, scheme: &str, path: &str, more: &[&str]) -> Vec<u8> {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--max-time", "60"])
            .args(["--user", &format!("alice:{PASSWORD}")])
            .arg("--cacert")
            .arg(self.ca_file.path())
            .args(more)
            .arg(format!("{scheme}://localhost:{}/{path}", self.server.address(endpoint).port()))
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}
