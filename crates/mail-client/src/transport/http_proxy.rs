use std::fmt;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_core::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::debug;

use crate::transport::connector::{BoxIo, Connector};
use crate::transport::error::{Error, ProxyAnswer, excerpt};
use crate::transport::target::Target;
use crate::transport::tcp::TcpConnector;

/// How long a proxy's answer may be, informational ones before it included.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Connects through an HTTP proxy, by CONNECT (RFC 9110 section 9.3.6). The proxy resolves the name.
#[derive(Clone)]
pub struct HttpProxy {
    proxy: Target,
    authorization: Option<Arc<str>>,
    over: Arc<dyn Connector>,
}

impl HttpProxy {
    /// Through the proxy at this address, dialled over TCP, without credentials.
    pub fn new(proxy: Target) -> Self {
        Self { proxy, authorization: None, over: Arc::new(TcpConnector::new()) }
    }

    /// Gives these credentials, by the Basic scheme (RFC 7617), with the first request. They travel as readable as the
    /// connection to the proxy is.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the user name has a colon, which the scheme can't say.
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, Error> {
        if user.contains(':') {
            return Err(Error::configuration("the proxy's user name has a colon"));
        }
        self.authorization = Some(STANDARD.encode(format!("{user}:{password}")).into());
        Ok(self)
    }

    /// Reaches the proxy over this connector.
    #[must_use]
    pub fn over(mut self, connector: impl Connector) -> Self {
        self.over = Arc::new(connector);
        self
    }

    fn request(&self, target: &Target) -> String {
        let authorization = match &self.authorization {
            Some(credentials) => format!("Proxy-Authorization: Basic {credentials}\r\n"),
            None => String::new(),
        };
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n")
    }

    async fn ask(&self, io: &mut BoxIo, target: &Target) -> Result<(), Error> {
        let lost = |error| Error::proxy_lost(target, &self.proxy, error);
        let refused = |answer| Error::proxy(target, &self.proxy, answer);
        io.write_all(self.request(target).as_bytes()).await.map_err(lost)?;
        io.flush().await.map_err(lost)?;
        let mut left = LONGEST_ANSWER;
        loop {
            let head = match read_head(io, &mut left).await.map_err(lost)? {
                Head::Whole(head) => head,
                Head::Foreign(said) => return Err(refused(ProxyAnswer::NotAProxy(excerpt(&said)))),
                Head::TooLong => return Err(refused(ProxyAnswer::TooLong(LONGEST_ANSWER))),
            };
            let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
            let Some((code, text)) = status(line) else {
                return Err(refused(ProxyAnswer::NotAProxy(excerpt(line))));
            };
            match code {
                100..200 => {}
                200..300 => return Ok(()),
                407 if self.authorization.is_some() => {
                    return Err(refused(ProxyAnswer::AuthenticationRefused));
                }
                407 => return Err(refused(ProxyAnswer::AuthenticationRequired)),
                _ => {
                    let is_permanent = code < 500 && code != 408 && code != 429;
                    return Err(refused(ProxyAnswer::Refused { code, text: excerpt(text), is_permanent }));
                }
            }
        }
    }
}

impl Connector for HttpProxy {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let to_proxy = self.over.connect(&self.proxy).await;
            let mut io = to_proxy.map_err(|error| Error::to_proxy(target, error))?;
            self.ask(&mut io, target).await?;
            debug!(%target, proxy = %self.proxy, "connected through an HTTP proxy");
            Ok(io)
        })
    }
}

impl fmt::Debug for HttpProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProxy")
            .field("proxy", &self.proxy)
            .field("has_credentials", &self.authorization.is_some())
            .finish_non_exhaustive()
    }
}

/// What stands before the tunnel.
enum Head {
    /// Status line and fields, to the empty line.
    Whole(Vec<u8>),
    /// A first line that is no status line of HTTP/1.
    Foreign(Vec<u8>),
    TooLong,
}

/// Reads an answer's head and not a byte more: what follows is the server's. A byte at a time, then; it is a few
/// hundred of them once a connection.
async fn read_head(io: &mut BoxIo, left: &mut usize) -> io::Result<Head> {
    const BEGIN: &[u8] = b"HTTP/1.";
    /// A line of something else is read no further.
    const ENOUGH: usize = 64;
    let mut head = Vec::new();
    while *left > 0 {
        *left -= 1;
        head.push(io.read_u8().await?);
        let is_foreign = !head.iter().zip(BEGIN).all(|(got, want)| got == want);
        if is_foreign && (head.ends_with(b"\n") || head.len() >= ENOUGH) {
            return Ok(Head::Foreign(head));
        }
        if head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n") {
            return Ok(Head::Whole(head));
        }
    }
    Ok(Head::TooLong)
}

/// The code and the words of `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 section 4).
fn status(line: &[u8]) -> Option<(u16, &[u8])> {
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, text) = rest.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || text.first().is_some_and(|byte| *byte != b' ') {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    Some((code, text.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::scripted::{Scripted, rest_of};

    const REQUEST: &[u8] = b"CONNECT mail.example:993 HTTP/1.1\r\nHost: mail.example:993\r\n\r\n";

    fn proxy() -> Target {
        Target::new("proxy.example", 3128).unwrap()
    }

    fn answering(answer: &[u8]) -> HttpProxy {
        HttpProxy::new(proxy()).over(Scripted::new([(REQUEST, answer)]))
    }

    async fn connect(http: HttpProxy) -> Result<BoxIo, Error> {
        http.connect(&Target::new("mail.example", 993).unwrap()).await
    }

    async fn refusal_of(http: HttpProxy) -> (ProxyAnswer, Error) {
        let error = connect(http).await.err().unwrap();
        let Error::Proxy { answer, .. } = &error else { panic!("{error}") };
        (answer.clone(), error)
    }

    #[tokio::test]
    async fn the_tunnel_begins_right_behind_the_head() {
        for head in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.0 200\r\nVia: here\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199\r\n\r\nHTTP/1.1 204 Fine\r\n\r\n",
            "HTTP/1.1 200 OK\n\n",
        ] {
            let answer = [head.as_bytes(), b"* OK hello\r\n"].concat();
            let mut io = connect(answering(&answer)).await.unwrap();
            assert_eq!(rest_of(&mut io).await, b"* OK hello\r\n");
        }
    }

    #[tokio::test]
    async fn an_ipv6_target_stands_in_brackets() {
        let request = b"CONNECT [::1]:143 HTTP/1.1\r\nHost: [::1]:143\r\n\r\n".as_slice();
        let script = Scripted::new([(request, b"HTTP/1.1 200 OK\r\n\r\n".as_slice())]);
        let http = HttpProxy::new(proxy()).over(script.clone());
        http.connect(&Target::new("::1", 143).unwrap()).await.unwrap();
        assert_eq!(script.dialled(), [proxy()]);
    }

    #[tokio::test]
    async fn credentials_go_with_the_first_request_and_are_never_shown() {
        // RFC 7617 section 2's own example.
        let request = b"CONNECT mail.example:993 HTTP/1.1\r\nHost: mail.example:993\r\n\
            Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        for (answer, expected) in [
            (b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), None),
            (b"HTTP/1.1 407 No\r\n\r\n", Some(ProxyAnswer::AuthenticationRefused)),
        ] {
            let script = Scripted::new([(request.as_slice(), answer)]);
            let http = HttpProxy::new(proxy()).over(script).credentials("Aladdin", "open sesame").unwrap();
            let shown = format!("{http:?}");
            assert!(!shown.contains("sesame") && !shown.contains("QWxh"));
            match expected {
                None => drop(connect(http).await.unwrap()),
                Some(expected) => assert_eq!(refusal_of(http).await.0, expected),
            }
        }
        assert!(HttpProxy::new(proxy()).credentials("a:b", "c").is_err());
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_says_why() {
        for (answer, code, text, is_permanent) in [
            ("HTTP/1.1 403 Forbidden by policy\r\n\r\n", 403, "Forbidden by policy", true),
            ("HTTP/1.1 502 Bad Gateway\r\nA: b\r\n\r\n<html>", 502, "Bad Gateway", false),
            ("HTTP/1.1 429\r\n\r\n", 429, "", false),
            ("HTTP/1.1 301 \x1b[31mMoved\r\n\r\n", 301, "\\x1b[31mMoved", true),
        ] {
            let (answer, error) = refusal_of(answering(answer.as_bytes())).await;
            assert_eq!(answer, ProxyAnswer::Refused { code, text: text.into(), is_permanent });
            assert_eq!(error.is_permanent(), is_permanent);
        }
        let (answer, error) = refusal_of(answering(b"HTTP/1.1 407 Who are you\r\n\r\n")).await;
        assert_eq!(answer, ProxyAnswer::AuthenticationRequired);
        assert!(error.is_permanent());
    }

    #[tokio::test]
    async fn what_is_no_http_proxy_is_found_out_from_its_first_line() {
        for (answer, said) in [
            ("* OK IMAP4rev1 ready\r\n", "* OK IMAP4rev1 ready"),
            ("HTTP/2 200 OK\r\n\r\n", "HTTP/2 200 OK"),
            ("HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 2000 OK"),
            ("HTTP/1.1 +20 OK\r\n\r\n", "HTTP/1.1 +20 OK"),
            ("HTTP/1.1\r\n\r\n", "HTTP/1.1"),
            ("\r\n\r\n", ""),
        ] {
            let (answer, error) = refusal_of(answering(answer.as_bytes())).await;
            assert_eq!(answer, ProxyAnswer::NotAProxy(said.into()));
            assert!(error.is_permanent());
        }
        // A line without an end is read no further than needed.
        let (answer, _) = refusal_of(answering(&[b'x'; 64])).await;
        assert_eq!(answer, ProxyAnswer::NotAProxy("x".repeat(64).into()));
    }

    #[tokio::test]
    async fn an_endless_head_is_read_to_its_bound_only() {
        let endless_line = [b"HTTP/1.1 200 ".as_slice(), &[b'a'; 20_000]].concat();
        let endless_fields = [b"HTTP/1.1 200 OK\r\n".as_slice(), &b"A: b\r\n".repeat(4_000)].concat();
        let endless_answers = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
        for answer in [endless_line, endless_fields, endless_answers] {
            let (answer, error) = refusal_of(answering(&answer)).await;
            assert_eq!(answer, ProxyAnswer::TooLong(LONGEST_ANSWER));
            assert!(error.is_permanent());
        }
    }

    #[tokio::test]
    async fn a_proxy_that_hangs_up_is_transient() {
        for answer in ["", "HTTP/1.1 200 OK\r\nVia: h"] {
            let (answer, error) = refusal_of(answering(answer.as_bytes())).await;
            assert_eq!(answer, ProxyAnswer::Lost);
            assert!(!error.is_permanent());
        }
    }
}
