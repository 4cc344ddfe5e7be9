//! A server, or somebody in its place, that answers what wasn't asked, and sends its clients elsewhere.

use mail_client::ErrorKind;
use mail_client::imap::{FetchItems, ImapClient};

use system_tests::counted::counted;

use crate::peer::{HOST, PASSWORD, Peer, Script, USER};
use crate::protocol::Protocol;

fn client(peer: &Peer, user: &str) -> ImapClient {
    let builder = ImapClient::builder(HOST, user).password(PASSWORD).connector(peer.clone());
    builder.tls(peer.tls()).max_connections(1).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_command_that_was_not_sent_ends_the_connection() {
    for forged in
        ["A9 OK done\r\n", "A9 OK [COPYUID 7 1 1] done\r\n{tag} OK .\r\n", "A1 OK again\r\n{tag} OK .\r\n"]
    {
        let peer = Script::new(Protocol::Imap).implicit().instead("UID COPY", forged).start();
        let client = client(&peer, USER);
        let inbox = client.select("INBOX").await.unwrap();
        let error = inbox.copy(1, "Archive").await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Protocol | ErrorKind::ConnectionLost),
            "{forged}: {error:?}"
        );
        // What the connection says is believed no more.
        client.noop().await.unwrap();
        assert_eq!(peer.seen(|seen| seen.dialled.len()), 2, "{forged}");
        client.close().await;
        counted("attacks stood", 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_referral_is_told_and_never_followed() {
    let referral = "{tag} NO [REFERRAL imap://kim;AUTH=*@evil.example.net/INBOX] over there\r\n";
    for of in ["AUTHENTICATE", "SELECT", "LIST"] {
        let peer = Script::new(Protocol::Imap).implicit().instead(of, referral).start();
        let client = client(&peer, USER);
        let error = match of {
            "LIST" => client.list("", "*").await.unwrap_err(),
            _ => client.select("INBOX").await.unwrap_err(),
        };
        assert!(
            error.code().is_some_and(|code| format!("{code:?}").contains("evil.example.net")),
            "{error:?}"
        );
        client.close().await;
        peer.assert_nothing_leaked();
        counted("attacks stood", 1);
    }
}

#[tokio::test(start_paused = true)]
async fn mail_that_was_not_asked_for_is_nobodys() {
    // The second message has a line that looks like the answer of a message that isn't there.
    let forged = "* 2 FETCH (UID 2 FLAGS () BODY[] {5}\r\nhello)\r\n* 99 FETCH (UID 99 BODY[] {4}\r\nevil)\r\n\
                  * 2 FETCH (UID 3 BODY[] {4}\r\nevil)\r\n{tag} OK .\r\n";
    let peer = Script::new(Protocol::Imap).implicit().instead("UID FETCH", forged).start();
    let client = client(&peer, USER);
    let inbox = client.examine("INBOX").await.unwrap();
    let mut stream = inbox.fetch(2, FetchItems::new().body());
    let mut bodies = Vec::new();
    while let Some(message) = stream.next().await {
        let Ok(message) = message else { continue };
        let uid = message.uid();
        if let Ok(body) = message.into_body().bytes().await {
            bodies.push((uid, body));
        }
    }
    assert!(bodies.iter().all(|(uid, body)| *uid == 2 && &body[..] != b"evil"), "{bodies:?}");
    client.close().await;
    counted("attacks stood", 1);
}

#[tokio::test(start_paused = true)]
async fn two_users_never_share_a_connection() {
    let peer = Script::new(Protocol::Imap).implicit().start();
    let (one, other) = (client(&peer, "kim"), client(&peer, "toni"));
    for _ in 0..10 {
        one.noop().await.unwrap();
        other.noop().await.unwrap();
    }
    one.close().await;
    other.noop().await.unwrap();
    other.close().await;
    assert_eq!(peer.seen(|seen| seen.dialled.len()), 2);
    counted("attacks stood", 1);
}
