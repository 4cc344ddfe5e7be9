//! Without async, on threads that belong to somebody else, rayon here: each job's scope gives back what its thread has had
//! within it, so that the next job finds none of it.

mod demo;

use mail_client::imap::{Assignment, FetchItems};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

fn main() -> Result<(), demo::Failure> {
    // Only the server to try it on needs a runtime.
    let runtime = tokio::runtime::Runtime::new()?;
    let demo = runtime.block_on(demo::Demo::start())?;

    // Every thread that calls gets a connection of its own, and there is no main one.
    let client = demo.client()?.assignment(Assignment::Default).max_connections(3).build_blocking()?;
    let names: Vec<_> = client.list("", "*")?.into_iter().map(|list| list.mailbox).collect();
    let longest = names.into_par_iter().map(|name| {
        client.scope(|| {
            let mailbox = client.examine(name.clone())?;
            let mut longest = (0, 0);
            for message in mailbox.fetch(1..=mailbox.exists().max(1), FetchItems::new().size()) {
                let message = message?;
                longest = longest.max((message.size().unwrap_or_default(), message.uid()));
            }
            Ok::<_, mail_client::Error>((name, longest))
        })
    });
    for (name, (size, uid)) in longest.collect::<Result<Vec<_>, _>>()? {
        println!("{name}: the longest is message {uid} of {size} bytes");
    }
    println!("{}", client.pool_status());
    client.close();
    Ok(())
}
