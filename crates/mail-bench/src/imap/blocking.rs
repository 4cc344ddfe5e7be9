//! mail-client, on threads.

use std::thread;

use mail_client::{
    blocking::{ImapClient, imap::Mailbox},
    imap::{FetchItems, SequenceSet},
};

use super::{
    job::{Job, Task},
    ours,
};
use crate::{
    failure::Failed,
    meter::{Done, Meter, Taken},
    parse::ours::of_fetch,
};

pub(super) fn run(job: &Job) -> Result<Taken, Failed> {
    let client = ours::builder(job)?.build_blocking()?;
    let connection = client.create_connection()?;
    let client = client.via(&connection);
    client.noop()?;
    match job.task {
        Task::List => list(&client.examine(job.mailbox.as_str())?),
        Task::Bodies => bodies(&client.examine(job.mailbox.as_str())?, job.connections),
        Task::Noop => noop(job, &client),
        _ => Err("is not measured on threads".into()),
    }
}

fn list(mailbox: &Mailbox) -> Result<Taken, Failed> {
    let meter = Meter::start();
    let mut done = Done::default();
    for message in mailbox.fetch(SequenceSet::all(), FetchItems::new().flags().envelope().body_structure()) {
        done += Done { count: 1, bytes: of_fetch(message?.data()) };
    }
    Ok(meter.stop(done))
}

fn bodies(mailbox: &Mailbox, connections: usize) -> Result<Taken, Failed> {
    let meter = Meter::start();
    let mut done = Done::default();
    for message in mailbox.fetch(SequenceSet::all(), FetchItems::new().body()).connections(connections) {
        let mut body = message?.into_body().into_reader()?;
        let mut bytes = 0;
        while let Some(chunk) = body.chunk()? {
            bytes += chunk.len() as u64;
        }
        done += Done { count: 1, bytes };
    }
    Ok(meter.stop(done))
}

fn noop(job: &Job, client: &ImapClient) -> Result<Taken, Failed> {
    let _mailbox = client.select(job.mailbox.as_str())?;
    let meter = Meter::start();
    let work = |at: usize| {
        for _ in 0..(job.count + at) / job.tasks {
            client.noop()?;
        }
        Ok::<_, mail_client::Error>(())
    };
    if job.tasks == 1 {
        work(0)?;
    } else {
        let work = &work;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..job.tasks).map(|at| scope.spawn(move || work(at))).collect();
            for thread in threads {
                thread.join().map_err(|_| "a thread panicked")??;
            }
            Ok::<_, Failed>(())
        })?;
    }
    Ok(meter.stop(Done { count: job.count as u64, bytes: 0 }))
}
