//! Mail is fetched by POP3 and deleted at the server, once it is safe here: a transaction, of which nothing counts
//! before its commit.

mod demo;

use std::collections::HashMap;

use mail_client::ErrorKind;

#[tokio::main]
async fn main() -> Result<(), demo::Failure> {
    let demo = demo::Demo::start().await?;
    let client = demo.pop3_client()?.build()?;
    let mut stored = HashMap::new();
    let session = client.session().await?;
    let mut mail = session.retrieve_all(session.uidl().await?);
    while let Some(message) = mail.next().await {
        let message = message?;
        println!("{} is fetched", message.which);
        // Here it is stored where it is safe; the name that the server gives it tells next time that it is there.
        stored.insert(message.which, message.content.bytes().await?);
    }
    for which in stored.keys() {
        session.delete(which.clone()).await?;
    }
    println!("{} are marked", session.deleted());
    match session.commit().await {
        // What is left has the same names as before: those are known, and are deleted next time.
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => println!("it can't be known: {error}"),
        committed => committed?,
    }
    println!("{} are left", client.stat().await?.count);
    client.close().await;
    Ok(())
}
