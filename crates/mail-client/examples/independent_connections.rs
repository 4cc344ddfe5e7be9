//! Connections that belong to nobody, and work in the background: all within one quota, first come first served.

mod demo;

use mail_client::imap::FetchItems;

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.client()?.max_connections(4).build()?;

    // A connection of one's own is used where it is named, and nowhere else.
    let own = client.create_connection().await?;
    let inbox = client.via(&own).examine("INBOX").await?;
    let mut mail = inbox.fetch(1..=inbox.exists(), FetchItems::new().body());
    let mut bytes = 0;
    while let Some(message) = mail.next().await {
        bytes += message?.into_body().bytes().await?.len();
    }
    println!("INBOX has {bytes} bytes, read over connection {:?}", own.id().await);
    own.close().await;

    // Work that is begun waits for a connection in the background, and is handed it.
    let mut begun = Vec::new();
    for name in demo.mailboxes(&client).await? {
        let counting = client.begin({
            let name = name.clone();
            |client| async move { Ok(client.examine(name).await?.exists()) }
        })?;
        begun.push((name, counting));
    }
    println!("meanwhile: {}", client.pool_status());
    for (name, counting) in begun {
        println!("{name} has {} messages", counting.await?);
    }
    client.close().await;
    if let Some(peak) = demo.peak() {
        println!("the server never saw more than {peak} connections");
    }
    Ok(())
}
