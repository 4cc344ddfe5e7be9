//! mail-client.

use mail_client::{
    pop3::{Pop3Client, Pop3ClientBuilder, RetrieveStream},
    transport::Tls,
};

use super::job::Job;
use crate::{
    failure::Failed,
    meter::{Done, Meter, Taken},
    runtime,
};

fn builder(job: &Job) -> Result<Pop3ClientBuilder, Failed> {
    let account = &job.account;
    let builder = Pop3Client::builder("127.0.0.1", &account.user)
        .port(account.port)
        .password(account.password.clone())
        .mechanisms([]);
    Ok(match &account.ca_file {
        Some(ca_file) => builder.tls(Tls::builder().root_pem(&std::fs::read(ca_file)?)?.build()?),
        None => builder.plaintext_without_encryption(),
    })
}

/// What is the usual way: by the messages' names, of which the server was asked before.
pub(super) fn by_name(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(async move {
        let client = builder(&job)?.build()?;
        let mut names = client.uidl().await?;
        names.truncate(job.count);
        let meter = Meter::start();
        let done = read(client.retrieve_all(names)).await?;
        Ok(meter.stop(done))
    })
}

pub(super) fn in_a_session(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(async move {
        let client = builder(&job)?.build()?;
        let session = client.session().await?;
        let count = u32::try_from(job.count)?;
        let meter = Meter::start();
        let done = read(session.retrieve_all(1..=count)).await?;
        Ok(meter.stop(done))
    })
}

async fn read(mut messages: RetrieveStream) -> Result<Done, Failed> {
    let mut done = Done::default();
    while let Some(message) = messages.next().await {
        let mut content = message?.content;
        let mut bytes = 0;
        while let Some(chunk) = content.chunk().await? {
            bytes += chunk.len() as u64;
        }
        done += Done { count: 1, bytes };
    }
    Ok(done)
}

pub(super) fn on_a_thread(job: &Job) -> Result<Taken, Failed> {
    let client = builder(job)?.build_blocking()?;
    let mut names = client.uidl()?;
    names.truncate(job.count);
    let meter = Meter::start();
    let mut done = Done::default();
    for message in client.retrieve_all(names) {
        let mut content = message?.content;
        let mut bytes = 0;
        while let Some(chunk) = content.chunk()? {
            bytes += chunk.len() as u64;
        }
        done += Done { count: 1, bytes };
    }
    Ok(meter.stop(done))
}
