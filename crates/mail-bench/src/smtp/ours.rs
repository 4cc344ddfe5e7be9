//! mail-client.

use bytes::Bytes;
use mail_client::{
    Mechanism,
    smtp::{Address, Mail, SmtpClient, SmtpClientBuilder},
    transport::Tls,
};

use super::job::{FROM, Job, TO};
use crate::{
    failure::Failed,
    meter::{Done, Meter, Taken},
    runtime,
};

fn builder(job: &Job) -> Result<SmtpClientBuilder, Failed> {
    let account = &job.account;
    let builder = SmtpClient::builder("127.0.0.1", &account.user)
        .port(account.port)
        .password(account.password.clone())
        .mechanism(Mechanism::Plain)
        .max_connections(job.connections);
    Ok(match &account.ca_file {
        Some(ca_file) => builder.tls(Tls::builder().root_pem(&std::fs::read(ca_file)?)?.build()?),
        None => builder.plaintext_without_encryption(),
    })
}

/// The messages with their envelopes. They are kept by whoever asks, so that memory is as with the others.
fn mails(messages: &[Bytes]) -> Result<impl Iterator<Item = Mail> + Send + 'static, Failed> {
    let (from, to) = (Address::new(FROM)?, Address::new(TO)?);
    let messages = messages.to_vec();
    Ok(messages.into_iter().map(move |message| Mail::new(message).sender(from.clone()).to([to.clone()])))
}

fn messages(job: &Job) -> Vec<Bytes> {
    job.messages().into_iter().map(Bytes::from).collect()
}

pub(super) fn run(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(async move {
        let messages = messages(&job);
        let mails = mails(&messages)?;
        let client = builder(&job)?.build()?;
        let meter = Meter::start();
        let mut sending = client.send_many(mails).connections(job.connections);
        let mut done = Done::default();
        while let Some(mail) = sending.next().await {
            let _sent = mail.outcome?;
            done += Done { count: 1, bytes: messages[mail.index].len() as u64 };
        }
        Ok(meter.stop(done))
    })
}

pub(super) fn run_blocking(job: &Job) -> Result<Taken, Failed> {
    let messages = messages(job);
    let mails = mails(&messages)?;
    let client = builder(job)?.build_blocking()?;
    let meter = Meter::start();
    let mut done = Done::default();
    for mail in client.send_many(mails).connections(job.connections) {
        let _sent = mail.outcome?;
        done += Done { count: 1, bytes: messages[mail.index].len() as u64 };
    }
    Ok(meter.stop(done))
}
