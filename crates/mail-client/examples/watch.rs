//! A mailbox watched: what changes in it, as it happens. With a server of one's own it ends after the first changes,
//! else it goes on until it is stopped.

mod demo;

use mail_client::imap::{Change, Flag, NewMessage};

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.client()?.build()?;
    let mut changes = client.watch("INBOX").tell_all().start();
    // Somebody else at work, so that there is something to see.
    let somebody = demo.peak().map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            // Not before the first look, which would find everything done.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let letter = client.append("INBOX", NewMessage::new("Subject: just in\r\n\r\n")).await?;
            let inbox = client.select("INBOX").await?;
            inbox.add_flags(letter.uid.unwrap_or(1), [Flag::Seen]).await?;
            inbox.delete(1).await.map(drop)
        })
    });
    while let Some(change) = changes.next().await {
        match change? {
            Change::New { uid, flags } => println!("message {uid} is there, with {flags:?}"),
            Change::Flags { uid, flags } => println!("message {uid} has {flags:?} now"),
            Change::Gone { uids } => {
                println!("{uids} is gone");
                if somebody.is_some() {
                    break;
                }
            }
            other => println!("{other:?}"),
        }
    }
    if let Some(somebody) = somebody {
        somebody.await??;
    }
    // What to go on from another time.
    println!("known: {}", changes.state().is_some());
    drop(changes);
    client.close().await;
    Ok(())
}
