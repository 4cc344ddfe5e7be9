//! A mailbox watched: what changes in it, as it happens. With a server of one's own it ends after the first changes,
//! else it goes on until it is stopped.

mod demo;

use mail_client::imap::{Change, Flag, ImapClient, NewMessage};

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.client()?.build()?;
    let mut changes = client.watch("INBOX").tell_all().start();
    let mut somebody = None;
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
        // Somebody else goes to work once the mailbox was looked at, so that there is something to see.
        if demo.peak().is_some() && somebody.is_none() {
            somebody = Some(tokio::spawn(change_something(client.clone())));
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

/// A letter comes in and is read, and another goes.
async fn change_something(client: ImapClient) -> mail_client::Result<()> {
    let letter = client.append("INBOX", NewMessage::new("Subject: just in\r\n\r\n")).await?;
    let inbox = client.select("INBOX").await?;
    inbox.add_flags(letter.uid.unwrap_or(1), [Flag::Seen]).await?;
    inbox.delete(1).await.map(drop)
}
