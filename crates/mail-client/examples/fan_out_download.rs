//! A mailbox downloaded over several connections: one stream out, in order, each body written where it belongs.

mod demo;

use mail_client::imap::{FetchItems, SequenceSet};
use tokio::io::{AsyncWriteExt, copy};

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.client()?.max_connections(8).build()?;
    let folder = std::env::temp_dir().join(format!("mail-{}", std::process::id()));
    tokio::fs::create_dir_all(&folder).await?;

    let work = client.examine("Work").await?;
    let items = FetchItems::new().flags().body();
    let mut mail = work.fetch(SequenceSet::all(), items).connections(4).in_order();
    let (mut files, mut bytes) = (0, 0);
    while let Some(message) = mail.next().await {
        let message = message?;
        let mut file = tokio::fs::File::create(folder.join(format!("{}.eml", message.uid()))).await?;
        // A body of any size passes in constant memory.
        bytes += copy(&mut message.into_body().into_reader()?, &mut file).await?;
        file.flush().await?;
        files += 1;
    }
    println!("{files} messages, {bytes} bytes, in {}", folder.display());
    client.close().await;
    tokio::fs::remove_dir_all(&folder).await?;
    Ok(())
}
