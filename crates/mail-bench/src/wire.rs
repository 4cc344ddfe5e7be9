//! A blocking socket, in the clear or with rustls.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::{
    account::{Account, server_name},
    failure::Failed,
};

/// A server that is silent for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Connects, with TLS if there is a configuration for it.
    pub(crate) fn open(account: &Account, config: Option<&Arc<ClientConfig>>) -> Result<Self, Failed> {
        let socket = TcpStream::connect(("127.0.0.1", account.port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let Some(config) = config else { return Ok(Self::Plain(socket)) };
        let connection = ClientConnection::new(Arc::clone(config), server_name())?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
