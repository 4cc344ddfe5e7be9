//! Joins a TCP connection to a pipe, so that bytes on it take as long as the link says.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::PipeEnd;

const BUFFER: usize = 64 * 1024;
/// How long a client may go on sending to a server that has closed, before the socket goes.
const LINGER: Duration = Duration::from_secs(2);

/// Carries bytes between both until the server has said all and the client has left.
pub(crate) async fn bridge(tcp: TcpStream, pipe: PipeEnd) {
    let (tcp_in, tcp_out) = tcp.into_split();
    let (pipe_in, pipe_out) = split(pipe);
    let up = carry_up(tcp_in, pipe_out);
    let down = carry_down(pipe_in, tcp_out);
    tokio::pin!(up, down);
    tokio::select! {
        end = &mut up => {
            if end == Upstream::Ended {
                let _ = down.await;
            }
        }
        end = &mut down => {
            // A socket closed with bytes unread resets the connection, and what the server said last is lost.
            if end == Downstream::Ended {
                let _ = timeout(LINGER, up).await;
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Upstream {
    Ended,
    Reset,
}

#[derive(PartialEq, Eq)]
enum Downstream {
    Ended,
    ClientGone,
}

async fn carry_up(mut from: OwnedReadHalf, to: WriteHalf<PipeEnd>) -> Upstream {
    let mut to = Some(to);
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer).await {
            Err(_) => return Upstream::Reset,
            Ok(0) => {
                if let Some(mut to) = to {
                    let _ = to.shutdown().await;
                }
                return Upstream::Ended;
            }
            Ok(n) => {
                if let Some(pipe) = &mut to
                    && pipe.write_all(&buffer[..n]).await.is_err()
                {
                    // The server has closed; what the client still sends is read and lost.
                    to = None;
                }
            }
        }
    }
}

async fn carry_down(mut from: ReadHalf<PipeEnd>, mut to: OwnedWriteHalf) -> Downstream {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer).await {
            Err(_) | Ok(0) => {
                let _ = to.shutdown().await;
                return Downstream::Ended;
            }
            Ok(n) => {
                if to.write_all(&buffer[..n]).await.is_err() {
                    return Downstream::ClientGone;
                }
            }
        }
    }
}
