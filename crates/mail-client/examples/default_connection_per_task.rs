//! Each task has a connection of its own, which its calls use without naming it: made by the task itself, or for every
//! task by itself.

mod demo;

use mail_client::imap::{Assignment, ImapClient, MailboxName};

/// Knows nothing of connections.
async fn count(client: &ImapClient, name: &MailboxName) -> mail_client::Result<u32> {
    Ok(client.examine(name.clone()).await?.exists())
}

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;

    // Made by hand: the guard is the task's default connection until it is dropped.
    let client = demo.client()?.build()?;
    let names = demo.mailboxes(&client).await?;
    let tasks: Vec<_> = names
        .iter()
        .cloned()
        .map(|name| {
            let client = client.clone();
            tokio::spawn(async move {
                let default = client.create_default_connection().await?;
                let count = count(&client, &name).await?;
                println!("{name}: {count} messages, over connection {:?}", default.id());
                Ok::<_, mail_client::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    client.close().await;

    // By itself: every task that calls gets one, and there is no main connection. The scope's end gives it back.
    let client = demo.client()?.assignment(Assignment::Default).max_connections(2).build()?;
    let tasks: Vec<_> = names
        .into_iter()
        .map(|name| {
            let client = client.clone();
            tokio::spawn(async move {
                let count = client.scope(count(&client, &name)).await?;
                println!("{name}: {count} messages");
                Ok::<_, mail_client::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    println!("{}", client.pool_status());
    client.close().await;
    Ok(())
}
