//! Mail sent to the embedded server, and found in its mailboxes.

system_tests::watch_for_secrets!();

mod submission;

use mail_client::smtp::{SmtpClient, SmtpClientBuilder};
use mail_client::transport::Tls;
use mail_testkit::{Builder, Endpoint, Server};
use submission::Post;

struct Embedded(Server);

fn server() -> Builder {
    let users = ["tester", "alice", "bob", "carol", "zo\u{eb}"];
    let server = users.into_iter().fold(Server::builder(), |server, name| server.user(name, "secret"));
    server
        .refuse_recipient("nobody@example.org", "550 5.1.1 no such user")
        .refuse_recipient("full@example.org", "552 5.2.2 mailbox full")
        .refuse_recipient("later@example.org", "450 4.2.1 try later")
}

impl Post for Embedded {
    fn client(&self) -> SmtpClientBuilder {
        let tls = Tls::builder().root_pem(self.0.ca_pem().as_bytes()).unwrap().build().unwrap();
        let port = self.0.address(Endpoint::SmtpTls).port();
        SmtpClient::builder("127.0.0.1", "tester").password("secret").port(port).tls(tls)
    }

    fn delivered(&self, local_part: &str, _: usize) -> Vec<Vec<u8>> {
        let messages = self.0.account(local_part).unwrap().messages("INBOX").unwrap();
        messages.into_iter().map(|message| message.body.to_vec()).collect()
    }
}

#[tokio::test]
async fn what_is_sent_is_delivered_as_it_was() {
    for without in [&[][..], &["PIPELINING"], &["CHUNKING"]] {
        let builder = without.iter().fold(server(), |server, keyword| server.without_smtp_keyword(keyword));
        let post = Embedded(builder.start().await.unwrap());
        submission::everything(&post).await;
        assert_eq!(post.0.report().connections.total, 1);
    }
}

#[tokio::test]
async fn a_large_message_is_delivered_as_it_was() {
    submission::a_message_of_30_mb_is_delivered(&Embedded(server().start().await.unwrap())).await;
}

#[tokio::test]
async fn many_messages_over_several_connections_arrive_once() {
    let post = Embedded(server().start().await.unwrap());
    submission::many_messages_arrive_once(&post, "alice").await;
    assert!((2..=4).contains(&post.0.report().connections.peak), "{:?}", post.0.report().connections);
}

#[tokio::test]
async fn starttls_is_as_good() {
    let post = Embedded(server().start().await.unwrap());
    let port = post.0.address(Endpoint::SmtpStartTls).port();
    let client = post.client().port(port).starttls().build().unwrap();
    submission::refused_recipients_stop_no_others(&post, &client).await;
    client.close().await;
}
