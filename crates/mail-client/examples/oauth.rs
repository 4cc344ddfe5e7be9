//! Logging in with OAuth 2: tokens come from a provider, which is asked for a fresh one when the server refuses.
//!
//! `cargo run --example oauth -- imap.example.org kim@example.org` reads tokens from the standard input, one a line.
//! Without arguments it talks to a small server of its own, which takes only the second token.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mail_client::{
    Secret, TokenError, TokenRequest,
    imap::{ImapClient, ImapClientBuilder},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let client = match (arguments.next(), arguments.next()) {
        (Some(host), Some(user)) => ImapClient::builder(host, user).token_provider(from_the_terminal),
        _ => of_our_own().await?,
    }
    .build()?;
    client.connect().await?;
    println!("logged in\n{}", client.pool_status());
    client.close().await;
    Ok(())
}

async fn from_the_terminal(request: TokenRequest) -> Result<Secret, TokenError> {
    eprintln!(
        "{} please:",
        if request.fresh { "the token was refused; another one" } else { "an access token" }
    );
    let line = BufReader::new(tokio::io::stdin()).lines().next_line().await?;
    Ok(Secret::from(line.ok_or("the input has ended")?))
}

/// A client of a server that knows no more of IMAP than it takes to refuse a token and to take the next.
async fn of_our_own() -> Result<ImapClientBuilder, std::io::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        for login in ["NO [AUTHENTICATIONFAILED] that token has expired", "OK [CAPABILITY IMAP4rev1] welcome"]
        {
            let (socket, _) = listener.accept().await?;
            let mut lines = BufReader::new(socket).lines();
            lines
                .get_mut()
                .write_all(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hello\r\n")
                .await?;
            while let Some(line) = lines.next_line().await? {
                let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
                let answer = if command.starts_with("AUTHENTICATE") { login } else { "OK done" };
                lines.get_mut().write_all(format!("{tag} {answer}\r\n").as_bytes()).await?;
                if command == "LOGOUT" {
                    break;
                }
            }
        }
        std::io::Result::Ok(())
    });
    let given = Arc::new(AtomicU32::new(0));
    let provider = move |request: TokenRequest| {
        let number = given.fetch_add(1, Ordering::Relaxed) + 1;
        println!(
            "token {number} is fetched{}",
            if request.fresh { ", since the last was refused" } else { "" }
        );
        async move { Ok(Secret::from(format!("token-{number}"))) }
    };
    let builder = ImapClient::builder("127.0.0.1", "kim@example.org").port(port);
    Ok(builder.plaintext_without_encryption().token_provider(provider))
}
