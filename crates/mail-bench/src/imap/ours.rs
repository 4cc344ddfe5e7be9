//! mail-client.

use bytes::Bytes;
use mail_client::{
    imap::{Connection, FetchItems, ImapClient, ImapClientBuilder, Mailbox, NewMessage, SequenceSet},
    transport::Tls,
};

use super::job::{Contender, Job, Task};
use crate::{
    failure::Failed,
    mail,
    meter::{Done, Meter, Taken},
    parse::ours::of_fetch,
    runtime,
};

pub(super) fn run(job: Job) -> Result<Taken, Failed> {
    if job.contender == Contender::OursRoot {
        runtime::new()?.block_on(work(job))
    } else {
        runtime::as_task(work(job))
    }
}

pub(super) fn builder(job: &Job) -> Result<ImapClientBuilder, Failed> {
    let builder = ImapClient::builder("127.0.0.1", &job.account.user)
        .port(job.account.port)
        .password(job.account.password.clone())
        .max_connections(job.connections + 2);
    // Unless told otherwise it takes SCRAM, which costs both sides a millisecond and more.
    let builder = if job.contender == Contender::OursScram { builder } else { builder.mechanisms([]) };
    Ok(match &job.account.ca_file {
        Some(ca_file) => builder.tls(Tls::builder().root_pem(&std::fs::read(ca_file)?)?.build()?),
        None => builder.plaintext_without_encryption(),
    })
}

async fn work(job: Job) -> Result<Taken, Failed> {
    let client = builder(&job)?.build()?;
    if job.task == Task::Connect {
        return connect(&job, &client).await;
    }
    let connection = match job.contender {
        Contender::OursMain => None,
        _ => Some(client.create_connection().await?),
    };
    let client = connection.as_ref().map_or_else(|| client.clone(), |connection| client.via(connection));
    client.noop().await?;
    match job.task {
        Task::List => list(client.examine(job.mailbox.as_str()).await?).await,
        Task::Bodies => bodies(client.examine(job.mailbox.as_str()).await?, job.connections).await,
        Task::Upload | Task::Append => {
            let messages: Vec<Bytes> =
                (0..job.count).map(|number| mail::of_size(number, job.size).into()).collect();
            // As with the reader, they go only when all is done.
            let _kept = messages.clone();
            let meter = Meter::start();
            let stored = client.append_many(job.mailbox.as_str(), messages.into_iter().map(NewMessage::new));
            let count = stored.await.into_iter().collect::<Result<Vec<_>, _>>()?.len();
            Ok(meter.stop(Done { count: count as u64, bytes: (count * job.size) as u64 }))
        }
        Task::Noop => noop(&job, client).await,
        Task::Connect => unreachable!("is done above"),
    }
}

async fn list(mailbox: Mailbox) -> Result<Taken, Failed> {
    let meter = Meter::start();
    let mut done = Done::default();
    let mut messages =
        mailbox.fetch(SequenceSet::all(), FetchItems::new().flags().envelope().body_structure());
    while let Some(message) = messages.next().await {
        done += Done { count: 1, bytes: of_fetch(message?.data()) };
    }
    Ok(meter.stop(done))
}

async fn bodies(mailbox: Mailbox, connections: usize) -> Result<Taken, Failed> {
    let meter = Meter::start();
    let mut done = Done::default();
    let mut messages = mailbox.fetch(SequenceSet::all(), FetchItems::new().body()).connections(connections);
    while let Some(message) = messages.next().await {
        let mut body = message?.into_body().into_reader()?;
        let mut bytes = 0;
        while let Some(chunk) = body.chunk().await? {
            bytes += chunk.len() as u64;
        }
        done += Done { count: 1, bytes };
    }
    Ok(meter.stop(done))
}

async fn noop(job: &Job, client: ImapClient) -> Result<Taken, Failed> {
    let _mailbox = client.select(job.mailbox.as_str()).await?;
    let meter = Meter::start();
    if job.tasks == 1 {
        for _ in 0..job.count {
            client.noop().await?;
        }
    } else {
        let tasks: Vec<_> = (0..job.tasks)
            .map(|at| {
                let (client, count) = (client.clone(), (job.count + at) / job.tasks);
                tokio::spawn(async move {
                    for _ in 0..count {
                        client.noop().await?;
                    }
                    Ok::<_, mail_client::Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
    }
    Ok(meter.stop(Done { count: job.count as u64, bytes: 0 }))
}

async fn connect(job: &Job, client: &ImapClient) -> Result<Taken, Failed> {
    let meter = Meter::start();
    for _ in 0..job.count {
        let connection: Connection = client.create_connection().await?;
        client.via(&connection).select(job.mailbox.as_str()).await?;
        connection.close().await;
    }
    Ok(meter.stop(Done { count: job.count as u64, bytes: 0 }))
}
