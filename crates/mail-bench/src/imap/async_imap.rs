//! async-imap.

use std::{fmt::Debug, sync::Arc};

use async_imap::{Client, Session};
use futures_util::TryStreamExt;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::job::{Job, Task};
use crate::{
    account::server_name,
    failure::Failed,
    mail,
    meter::{Done, Meter, Taken},
    runtime,
    walk::proto_017::{of_envelope, of_structure},
};

trait Wire: AsyncRead + AsyncWrite + Unpin + Debug + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Debug + Send> Wire for T {}

pub(super) fn run(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(async move {
        let config = job.account.client_config()?;
        if job.task == Task::Connect {
            let meter = Meter::start();
            for _ in 0..job.count {
                let mut session = log_in(&job, config.as_ref()).await?;
                session.select(&job.mailbox).await?;
                session.logout().await?;
            }
            return Ok(meter.stop(Done { count: job.count as u64, bytes: 0 }));
        }
        let session = log_in(&job, config.as_ref()).await?;
        work(&job, session).await
    })
}

async fn log_in(job: &Job, config: Option<&Arc<ClientConfig>>) -> Result<Session<Box<dyn Wire>>, Failed> {
    let socket = TcpStream::connect(("127.0.0.1", job.account.port)).await?;
    socket.set_nodelay(true)?;
    let wire: Box<dyn Wire> = match config {
        Some(config) => {
            Box::new(TlsConnector::from(Arc::clone(config)).connect(server_name(), socket).await?)
        }
        None => Box::new(socket),
    };
    let mut client = Client::new(wire);
    client.read_response().await?.ok_or("no greeting")?;
    client.login(&job.account.user, &job.account.password).await.map_err(|(error, _)| error.into())
}

async fn work(job: &Job, mut session: Session<Box<dyn Wire>>) -> Result<Taken, Failed> {
    let done = Done { count: job.count as u64, bytes: 0 };
    match job.task {
        Task::List => {
            session.examine(&job.mailbox).await?;
            let meter = Meter::start();
            let mut done = Done::default();
            {
                let messages = session.uid_fetch("1:*", "(UID FLAGS ENVELOPE BODYSTRUCTURE)").await?;
                let mut messages = std::pin::pin!(messages);
                while let Some(message) = messages.try_next().await? {
                    let bytes = message.flags().count() as u64
                        + message.envelope().map_or(0, of_envelope)
                        + message.bodystructure().map_or(0, of_structure);
                    done += Done { count: 1, bytes };
                }
            }
            Ok(meter.stop(done))
        }
        Task::Bodies => {
            session.examine(&job.mailbox).await?;
            let meter = Meter::start();
            let mut done = Done::default();
            {
                let messages = session.uid_fetch("1:*", "(UID BODY.PEEK[])").await?;
                let mut messages = std::pin::pin!(messages);
                while let Some(message) = messages.try_next().await? {
                    done += Done { count: 1, bytes: message.body().map_or(0, <[u8]>::len) as u64 };
                }
            }
            Ok(meter.stop(done))
        }
        Task::Noop => {
            session.select(&job.mailbox).await?;
            let meter = Meter::start();
            for _ in 0..job.count {
                session.noop().await?;
            }
            Ok(meter.stop(done))
        }
        Task::Upload | Task::Append => {
            let messages: Vec<Vec<u8>> =
                (0..job.count).map(|number| mail::of_size(number, job.size)).collect();
            let meter = Meter::start();
            for message in &messages {
                session.append(&job.mailbox, None, None, message).await?;
            }
            Ok(meter.stop(Done { bytes: (job.count * job.size) as u64, ..done }))
        }
        Task::Connect => Err("connects as it logs in".into()),
    }
}
