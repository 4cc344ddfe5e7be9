//! Taking TCP connections, and putting them at the end of the link.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

use super::connection::serve;
use crate::endpoint::Endpoint;
use crate::link::{bridge, pipe};
use crate::shared::Shared;
use crate::wire::Transport;

/// How long to wait when no connection can be taken, for want of file descriptors for example.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes connections until the server is gone.
pub(super) async fn listen(
    listener: TcpListener,
    endpoint: Endpoint,
    shared: Arc<Shared>,
    mut closing: watch::Receiver<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            changed = closing.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        match accepted {
            Ok((tcp, _)) => drop(tokio::spawn(take(tcp, endpoint, shared.clone(), closing.clone()))),
            Err(error) => {
                debug!(%error, "a connection can't be taken");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn take(tcp: TcpStream, endpoint: Endpoint, shared: Arc<Shared>, closing: watch::Receiver<()>) {
    if let Err(error) = tcp.set_nodelay(true) {
        debug!(%error, "a connection keeps its delay");
    }
    let link = shared.link;
    if link.is_direct() {
        let seat = shared.ledger.seat(endpoint.protocol());
        return serve(shared, endpoint, Transport::Tcp(tcp), seat, closing).await;
    }
    // On loopback a client is connected at once; what it sends waits until its connect would have been answered.
    let opens = Instant::now() + link.latency();
    let (client, server) = pipe(link, opens);
    tokio::spawn(bridge(tcp, client));
    sleep_until(opens).await;
    let seat = shared.ledger.seat(endpoint.protocol());
    serve(shared, endpoint, Transport::Pipe(server), seat, closing).await;
}
