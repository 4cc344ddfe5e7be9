//! The first mail, in ten lines.

mod demo;

use mail_client::imap::FetchItems;

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    // From here on it is as with any server; a real one needs no more than
    // `ImapClient::builder("imap.example.org", "kim").password("secret").build()?`.
    let client = demo.client()?.build()?;
    let inbox = client.examine("INBOX").await?;
    let mut mail = inbox.fetch(1..=inbox.exists(), FetchItems::new().flags().body());
    while let Some(message) = mail.next().await {
        let message = message?;
        let uid = message.uid();
        let body = message.into_body().bytes().await?;
        println!("message {uid} has {} bytes", body.len());
    }
    client.close().await;
    Ok(())
}
