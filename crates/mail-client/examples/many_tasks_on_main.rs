//! Many tasks, one connection: none waits until another has finished, none ever hears "busy", and each command runs
//! with the mailbox selected that it is about.

mod demo;

use mail_client::imap::FetchItems;

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.client()?.max_connections(1).build()?;
    let mut tasks = Vec::new();
    for name in demo.mailboxes(&client).await? {
        for part in 0..4 {
            let (client, name) = (client.clone(), name.clone());
            tasks.push(tokio::spawn(async move {
                let mailbox = client.examine(name.clone()).await?;
                let mut mail = mailbox.fetch(1..=mailbox.exists(), FetchItems::new().flags().size());
                let (mut count, mut bytes) = (0, 0);
                while let Some(message) = mail.next().await {
                    let message = message?;
                    if message.uid() % 4 == part {
                        count += 1;
                        bytes += message.size().unwrap_or(0);
                    }
                }
                println!("{name}, part {part}: {count} messages, {bytes} bytes");
                Ok::<_, mail_client::Error>(count)
            }));
        }
    }
    let mut all = 0;
    for task in tasks {
        all += task.await??;
    }
    println!("{all} messages in all; {}", client.pool_status());
    client.close().await;
    Ok(())
}
