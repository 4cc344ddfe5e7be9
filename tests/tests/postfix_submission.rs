//! Mail sent to a real Postfix, and found in its mailboxes.

system_tests::watch_for_secrets!();

mod submission;

use std::fs;

use mail_client::smtp::{SmtpClient, SmtpClientBuilder};
use mail_client::transport::Tls;
use submission::Post;
use system_tests::servers::Server;
use system_tests::servers::postfix::{self, Options};

struct Postfix(Server);

impl Postfix {
    fn start(without: &[&str]) -> Self {
        let mut options = Options::default();
        options.without = without.iter().map(|&keyword| keyword.to_owned()).collect();
        Self(postfix::start(&options).unwrap())
    }

    fn client_on(&self, port: &str) -> SmtpClientBuilder {
        let info = self.0.info();
        let tls = Tls::builder().root_pem(&fs::read(&info.ca_file).unwrap()).unwrap().build().unwrap();
        SmtpClient::builder("127.0.0.1", info.user.as_str())
            .password(info.password.as_str())
            .port(info.ports[port])
            .tls(tls)
    }
}

impl Post for Postfix {
    fn client(&self) -> SmtpClientBuilder {
        self.client_on("smtps")
    }

    fn delivered(&self, local_part: &str, count: usize) -> Vec<Vec<u8>> {
        postfix::delivered(self.0.info(), local_part, count).unwrap()
    }
}

#[tokio::test]
#[ignore = "needs Postfix: cargo xtask test"]
async fn what_is_sent_is_delivered_as_it_was() {
    for without in [&[][..], &["PIPELINING", "CHUNKING"]] {
        submission::everything(&Postfix::start(without)).await;
    }
}

#[tokio::test]
#[ignore = "needs Postfix: cargo xtask test"]
async fn a_large_message_is_delivered_as_it_was() {
    submission::a_message_of_30_mb_is_delivered(&Postfix::start(&[])).await;
}

#[tokio::test]
#[ignore = "needs Postfix: cargo xtask test"]
async fn many_messages_over_several_connections_arrive_once() {
    submission::many_messages_arrive_once(&Postfix::start(&[]), "alice").await;
}

#[tokio::test]
#[ignore = "needs Postfix: cargo xtask test"]
async fn starttls_is_as_good() {
    let post = Postfix::start(&[]);
    let client = post.client_on("smtp").starttls().build().unwrap();
    submission::refused_recipients_stop_no_others(&post, &client).await;
    client.close().await;
}
