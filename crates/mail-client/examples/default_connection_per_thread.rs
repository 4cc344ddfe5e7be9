//! Without async: each thread has a connection of its own, which its calls use without naming it, and which goes back
//! when the thread ends.

mod demo;

use std::thread;

use mail_client::{
    blocking::ImapClient,
    imap::{FetchItems, MailboxName, SequenceSet},
};

/// Knows nothing of connections.
fn total(client: &ImapClient, name: &MailboxName) -> Result<(u32, u64), demo::Failure> {
    let mut total = (0, 0);
    let mailbox = client.examine(name.clone())?;
    for message in mailbox.fetch(SequenceSet::all(), FetchItems::new().body()) {
        // However large it is, it takes no more memory than this.
        let mut body = message?.into_body().into_reader()?;
        total.0 += 1;
        total.1 += std::io::copy(&mut body, &mut std::io::sink())?;
    }
    Ok(total)
}

fn main() -> Result<(), demo::Failure> {
    // Only the server to try it on needs a runtime.
    let runtime = tokio::runtime::Runtime::new()?;
    let demo = runtime.block_on(demo::Demo::start())?;

    let client = demo.client()?.max_connections(4).build_blocking()?;
    let names: Vec<_> = client.list("", "*")?.into_iter().map(|list| list.mailbox).collect();
    thread::scope(|scope| {
        let work = |name| {
            let client = client.clone();
            move || {
                let default = client.create_default_connection()?;
                let (count, bytes) = total(&client, name)?;
                println!("{name}: {count} messages, {bytes} bytes, over connection {:?}", default.id());
                Ok::<_, demo::Failure>(())
            }
        };
        let threads: Vec<_> = names.iter().map(|name| scope.spawn(work(name))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())))
    })?;

    // What is begun in the background runs on a thread of its own as soon as there is a connection for it.
    let counting = client.begin(|client| Ok(client.examine("INBOX")?.exists()))?;
    println!("{} messages in the inbox", counting.wait()?);
    client.close();
    Ok(())
}
