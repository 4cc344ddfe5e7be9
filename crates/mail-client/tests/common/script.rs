//! A server that says what it is told to, for what the embedded one doesn't do.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What was read, line by line: which connection, counted from 1, and the line.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<(usize, String)>>>);

impl Seen {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(_, line)| line.clone()).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.lock().unwrap().iter().map(|(connection, _)| *connection).max().unwrap_or(0)
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(part)).count()
    }
}

/// Serves the port of this machine that it gives: greets with `greeting`, and answers each line with what `answer`
/// gives for it and the number of its connection. An empty answer closes the connection.
pub(crate) async fn scripted(
    greeting: &'static str,
    answer: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> (u16, Seen) {
    serve(None, greeting, answer).await
}

/// The same over TLS.
pub(crate) async fn serve(
    tls: Option<TlsAcceptor>,
    greeting: &'static str,
    answer: impl Fn(usize, &str) -> String + Send + Sync + 'static,
) -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let lines = seen.clone();
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((socket, _)) = listener.accept().await {
            number += 1;
            let (tls, lines, answer) = (tls.clone(), lines.clone(), Arc::clone(&answer));
            tokio::spawn(async move {
                match tls {
                    None => speak(socket, number, greeting, &*answer, &lines).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(socket).await {
                            speak(stream, number, greeting, &*answer, &lines).await;
                        }
                    }
                }
            });
        }
    });
    (port, seen)
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite,
    number: usize,
    greeting: &str,
    answer: &(impl Fn(usize, &str) -> String + Sync),
    seen: &Seen,
) {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    write.write_all(greeting.as_bytes()).await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        seen.0.lock().unwrap().push((number, line.clone()));
        let reply = answer(number, &line);
        let over = reply.is_empty() || parts(&line).1 == "LOGOUT";
        if write.write_all(reply.as_bytes()).await.is_err() || over {
            return;
        }
    }
}

/// The tag of a command, and what follows it.
pub(crate) fn parts(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

/// An answer to all that a client says who wants nothing special.
pub(crate) fn agree(line: &str) -> String {
    let (tag, command) = parts(line);
    let data = if command.starts_with("CAPABILITY") { "* CAPABILITY IMAP4rev1\r\n" } else { "" };
    format!("{data}{tag} OK done\r\n")
}
