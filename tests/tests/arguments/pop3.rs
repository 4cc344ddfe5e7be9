//! What the POP3 client is given as text: who logs in, how, and in which language errors are to be. Messages are called
//! by numbers on the wire, whatever their unique-ids are.

use mail_client::pop3::{Pop3Client, Pop3ClientBuilder};

use system_tests::counted::counted;

use crate::lines::{Kind, Lines};
use crate::texts;

#[tokio::test(start_paused = true)]
async fn each_text_is_one_argument_or_none() {
    type Set = fn(Pop3ClientBuilder, String) -> Pop3ClientBuilder;
    let sets: [(&str, Set); 3] = [
        ("password", |builder, text| builder.password(text)),
        ("act_as", |builder, text| builder.act_as(text)),
        ("language", |builder, text| builder.language(text)),
    ];
    let mut tried = 0;
    for text in texts::all() {
        for user in [&*text, "kim"] {
            for (what, set) in &sets {
                let lines = Lines::new(Kind::Pop3);
                let builder = Pop3Client::builder("mail.example.org", user).password("secret");
                let builder = builder.plaintext_without_encryption().connector(lines.clone());
                // Some are refused before anything is dialled.
                let Ok(client) = set(builder, text.clone()).build() else { continue };
                let _ = client.noop().await;
                client.close().await;
                let heard = lines.take();
                assert!(heard.wrong.is_empty(), "{what} of {:?}: {heard:?}", &text[..text.len().min(60)]);
                tried += 1;
            }
        }
    }
    counted("arguments tried", tried);
}
