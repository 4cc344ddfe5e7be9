//! Extensions that have to be switched on, once a connection is logged in: ENABLE (RFC 5161) and COMPRESS (RFC 4978).

use std::{future::poll_fn, time::Duration};

use mail_proto::imap::{
    Capability, Command,
    client::{ClientSession as _, Event, Failure, Request, Session},
};
use tokio::time::timeout;
use tracing::debug;

use crate::{
    error::{Cause, Error, Result},
    link::Socket,
};

/// What is to be switched on, as far as the server has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) enable: Vec<Capability>,
    pub(super) compress: bool,
}

impl Extensions {
    /// Switches them on. A server that refuses does without.
    pub(super) async fn switch_on(&self, socket: &mut Socket<Session>, within: Duration) -> Result<()> {
        let known = socket.session.capabilities().cloned().unwrap_or_default();
        let enable: Vec<_> = self.enable.iter().filter(|wanted| known.has(wanted)).cloned().collect();
        let compress = self.compress && known.has(&Capability::CompressDeflate);
        let switched = async {
            if !enable.is_empty() && known.supports(&Capability::Enable) {
                run(socket, Command::Enable(enable.into_iter().collect())).await?;
            }
            if compress {
                run(socket, Command::Compress).await?;
            }
            Ok(())
        };
        timeout(within, switched).await.unwrap_or_else(|_| {
            Err(Error::new(Cause::Silent { waited_for: "an extension's answer", after: within }))
        })
    }
}

async fn run(socket: &mut Socket<Session>, command: Command) -> Result<()> {
    let (name, compresses) = (command.name(), matches!(command, Command::Compress));
    let id = socket.session.submit(Request::new(command));
    loop {
        while let Some(event) = socket.session.next_event()? {
            match event {
                // What was sent with the server's agreement is compressed already.
                Event::Compress => {
                    socket.compress();
                    return Ok(());
                }
                Event::Completed { id: ended, outcome: Err(Failure::Refused(status)) } if ended == id => {
                    debug!(command = name, text = %status.text_lossy(), "the server refuses an extension that it announces");
                    return Ok(());
                }
                Event::Completed { id: ended, outcome } if ended == id => {
                    outcome.map_err(Error::from)?;
                    if !compresses {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        poll_fn(|cx| socket.poll(cx, true)).await?;
    }
}
