//! async-pop.

use std::sync::Arc;

use async_pop::Client;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::job::Job;
use crate::{
    account::server_name,
    failure::Failed,
    meter::{Done, Meter, Taken},
    runtime,
};

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// The line end before the terminator, which it takes for a part of that.
const LAST_LINE_END: u64 = 2;

pub(super) fn run(job: Job) -> Result<Taken, Failed> {
    runtime::as_task(async move {
        let socket = TcpStream::connect(("127.0.0.1", job.account.port)).await?;
        socket.set_nodelay(true)?;
        let wire: Box<dyn Wire> = match job.account.client_config()? {
            Some(config) => {
                Box::new(TlsConnector::from(Arc::clone(&config)).connect(server_name(), socket).await?)
            }
            None => Box::new(socket),
        };
        let mut client = async_pop::new(wire).await?;
        client.login(&job.account.user, &job.account.password).await?;
        let meter = Meter::start();
        let done = retrieve(&mut client, job.count).await?;
        Ok(meter.stop(done))
    })
}

async fn retrieve(client: &mut Client<Box<dyn Wire>>, count: usize) -> Result<Done, Failed> {
    let mut done = Done::default();
    for number in 1..=count {
        let message = client.retr(number).await?;
        done += Done { count: 1, bytes: message.len() as u64 + LAST_LINE_END };
    }
    Ok(done)
}
