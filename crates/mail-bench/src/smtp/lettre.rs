//! lettre's pool: as many tasks as connections.

use std::fs;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    address::{Address, Envelope},
    transport::smtp::{
        PoolConfig,
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};

use super::job::{FROM, Job, TO};
use crate::{
    failure::Failed,
    meter::{Done, Meter, Taken},
    runtime,
};

pub(super) fn run(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(async move {
        let messages = job.messages();
        let shares = job.shares(&messages);
        let envelope = Envelope::new(Some(FROM.parse::<Address>()?), vec![TO.parse()?])?;
        let meter = Meter::start();
        let transport = transport(&job)?;
        let tasks: Vec<_> = shares
            .into_iter()
            .map(|share| {
                let (transport, envelope) = (transport.clone(), envelope.clone());
                tokio::spawn(async move {
                    let mut done = Done::default();
                    for message in &share {
                        let sent = transport.send_raw(&envelope, message).await?;
                        done += Done { count: u64::from(sent.is_positive()), bytes: message.len() as u64 };
                    }
                    Ok::<_, lettre::transport::smtp::Error>(done)
                })
            })
            .collect();
        let mut done = Done::default();
        for task in tasks {
            done += task.await??;
        }
        Ok(meter.stop(done))
    })
}

fn transport(job: &Job) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failed> {
    let account = &job.account;
    let tls = match &account.ca_file {
        Some(ca_file) => Tls::Wrapper(
            TlsParameters::builder("127.0.0.1".to_owned())
                .certificate_store(CertificateStore::None)
                .add_root_certificate(Certificate::from_pem(&fs::read(ca_file)?)?)
                .build_rustls()?,
        ),
        None => Tls::None,
    };
    Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(account.port)
        .tls(tls)
        .credentials(Credentials::new(account.user.clone(), account.password.clone()))
        .authentication(vec![Mechanism::Plain])
        .pool_config(PoolConfig::new().max_size(u32::try_from(job.connections)?))
        .build())
}
