use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::debug;

use crate::transport::connector::{BoxIo, Connector};
use crate::transport::error::{Error, ProxyAnswer, excerpt};
use crate::transport::target::Target;
use crate::transport::tcp::TcpConnector;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Connects through a SOCKS 5 proxy (RFC 1928), with or without a user name and password (RFC 1929). The proxy
/// resolves the name.
#[derive(Clone)]
pub struct Socks5 {
    proxy: Target,
    credentials: Option<Arc<Credentials>>,
    over: Arc<dyn Connector>,
}

struct Credentials {
    user: String,
    password: String,
}

impl Socks5 {
    /// Through the proxy at this address, dialled over TCP, without credentials.
    pub fn new(proxy: Target) -> Self {
        Self { proxy, credentials: None, over: Arc::new(TcpConnector::new()) }
    }

    /// Gives these credentials if the proxy asks for some. They travel as readable as the connection to the proxy is.
    ///
    /// # Errors
    /// [`Error::Configuration`] if one of them isn't 1 to 255 bytes long.
    pub fn credentials(mut self, user: &str, password: &str) -> Result<Self, Error> {
        if ![user, password].iter().all(|text| (1..=255).contains(&text.len())) {
            return Err(Error::configuration("the proxy's user name or password isn't 1 to 255 bytes long"));
        }
        self.credentials =
            Some(Arc::new(Credentials { user: user.to_owned(), password: password.to_owned() }));
        Ok(self)
    }

    /// Reaches the proxy over this connector.
    #[must_use]
    pub fn over(mut self, connector: impl Connector) -> Self {
        self.over = Arc::new(connector);
        self
    }

    async fn ask(&self, io: &mut BoxIo, target: &Target) -> Result<(), Error> {
        let refused = |answer| Error::proxy(target, &self.proxy, answer);
        match self.negotiate(io, target).await {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => Err(refused(answer)),
            Err(error) => Err(Error::proxy_lost(target, &self.proxy, error)),
        }
    }

    /// The whole exchange; what the proxy said if it won't connect us.
    async fn negotiate(&self, io: &mut BoxIo, target: &Target) -> io::Result<Option<ProxyAnswer>> {
        let hello: &[u8] = match self.credentials {
            Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
            None => &[VERSION, 1, NO_AUTHENTICATION],
        };
        let answer: [u8; 2] = exchange(io, hello).await?;
        match (answer, &self.credentials) {
            ([VERSION, NO_AUTHENTICATION], _) => {}
            ([VERSION, USER_AND_PASSWORD], Some(credentials)) => {
                let answer: [u8; 2] = exchange(io, &credentials.message()).await?;
                match answer {
                    // RFC 1929 has its own version here; some proxies say that of the protocol.
                    [1 | VERSION, 0] => {}
                    [1 | VERSION, _] => return Ok(Some(ProxyAnswer::AuthenticationRefused)),
                    _ => return Ok(Some(ProxyAnswer::NotAProxy(excerpt(&answer)))),
                }
            }
            ([VERSION, NO_ACCEPTABLE_METHOD], _) => return Ok(Some(ProxyAnswer::AuthenticationRequired)),
            _ => return Ok(Some(ProxyAnswer::NotAProxy(excerpt(&answer)))),
        }

        let answer: [u8; 4] = exchange(io, &request(target)).await?;
        // The address that the proxy dials from is read because the server's first byte lies behind it.
        let address_length = match answer {
            [VERSION, 0, _, IPV4] => 4,
            [VERSION, 0, _, IPV6] => 16,
            [VERSION, 0, _, NAME] => usize::from(io.read_u8().await?),
            [VERSION, code, _, _] if code != 0 => return Ok(Some(refusal(code))),
            _ => return Ok(Some(ProxyAnswer::NotAProxy(excerpt(&answer)))),
        };
        let mut address_and_port = [0; 255 + 2];
        io.read_exact(&mut address_and_port[..address_length + 2]).await?;
        Ok(None)
    }
}

impl Credentials {
    fn message(&self) -> Vec<u8> {
        let mut message = vec![1];
        for text in [&self.user, &self.password] {
            // Both were measured when they were given.
            message.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            message.extend_from_slice(text.as_bytes());
        }
        message
    }
}

/// Sends and reads as many bytes as the answer begins with.
async fn exchange<const N: usize>(io: &mut BoxIo, message: &[u8]) -> io::Result<[u8; N]> {
    io.write_all(message).await?;
    io.flush().await?;
    let mut answer = [0; N];
    io.read_exact(&mut answer).await?;
    Ok(answer)
}

/// CONNECT to the target, by address or by name (RFC 1928 section 4).
fn request(target: &Target) -> Vec<u8> {
    let mut request = vec![VERSION, 1, 0];
    match target.ip() {
        Some(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend_from_slice(&ip.octets());
        }
        Some(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend_from_slice(&ip.octets());
        }
        None => {
            // A target's name has at most 254 bytes.
            request.extend_from_slice(&[NAME, u8::try_from(target.host().len()).unwrap_or(u8::MAX)]);
            request.extend_from_slice(target.host().as_bytes());
        }
    }
    request.extend_from_slice(&target.port().to_be_bytes());
    request
}

/// RFC 1928 section 6.
fn refusal(code: u8) -> ProxyAnswer {
    let (text, is_permanent) = match code {
        1 => ("general failure", false),
        2 => ("not allowed by its rules", true),
        3 => ("network unreachable", false),
        4 => ("host unreachable", false),
        5 => ("connection refused", false),
        6 => ("time to live expired", false),
        7 => ("command not supported", true),
        8 => ("address type not supported", true),
        _ => ("unknown reason", false),
    };
    ProxyAnswer::Refused { code: code.into(), text: text.into(), is_permanent }
}

impl Connector for Socks5 {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<BoxIo, Error>> {
        Box::pin(async move {
            let to_proxy = self.over.connect(&self.proxy).await;
            let mut io = to_proxy.map_err(|error| Error::to_proxy(target, error))?;
            self.ask(&mut io, target).await?;
            debug!(%target, proxy = %self.proxy, "connected through a SOCKS proxy");
            Ok(io)
        })
    }
}

impl fmt::Debug for Socks5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socks5")
            .field("proxy", &self.proxy)
            .field("has_credentials", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::scripted::{Scripted, rest_of};

    fn proxy() -> Target {
        Target::new("proxy.example", 1080).unwrap()
    }

    fn socks(script: &Scripted) -> Socks5 {
        Socks5::new(proxy()).over(script.clone())
    }

    const TO_NAME: &[u8] = b"\x05\x01\x00\x03\x0cmail.example\x03\xe1";
    const CONNECTED: &[u8] = b"\x05\x00\x00\x01\x7f\0\0\x01\x10\x00";

    #[tokio::test]
    async fn a_name_goes_to_the_proxy_as_it_is_and_the_greeting_stays_the_servers() {
        let connected_by_name = b"\x05\x00\x00\x03\x05local\x10\x00".as_slice();
        let connected_by_ipv6 = b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x10\x00".as_slice();
        for connected in [CONNECTED, connected_by_name, connected_by_ipv6] {
            let answer = [connected, b"* OK hello\r\n"].concat();
            let script =
                Scripted::new([(b"\x05\x01\x00".as_slice(), b"\x05\x00".as_slice()), (TO_NAME, &answer)]);
            let mut io = socks(&script).connect(&Target::new("mail.example", 993).unwrap()).await.unwrap();
            assert_eq!(rest_of(&mut io).await, b"* OK hello\r\n");
            assert_eq!(script.dialled(), [proxy()]);
        }
    }

    #[tokio::test]
    async fn addresses_go_in_their_binary_form() {
        let to_v4 = b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x8f".as_slice();
        let to_v6 = b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x8f".as_slice();
        for (host, request) in [("192.0.2.1", to_v4), ("2001:db8::1", to_v6)] {
            let script =
                Scripted::new([(b"\x05\x01\x00".as_slice(), b"\x05\x00".as_slice()), (request, CONNECTED)]);
            socks(&script).connect(&Target::new(host, 143).unwrap()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn credentials_are_given_when_asked_for() {
        let script = Scripted::new([
            (b"\x05\x02\x00\x02".as_slice(), b"\x05\x02".as_slice()),
            (b"\x01\x03joe\x06secret", b"\x01\x00"),
            (TO_NAME, CONNECTED),
        ]);
        let socks = socks(&script).credentials("joe", "secret").unwrap();
        socks.connect(&Target::new("mail.example", 993).unwrap()).await.unwrap();
        assert!(!format!("{socks:?}").contains("secret"));
        assert!(Socks5::new(proxy()).credentials("joe", "").is_err());
        assert!(Socks5::new(proxy()).credentials(&"j".repeat(256), "secret").is_err());
    }

    async fn refusal_of(socks: Socks5) -> (ProxyAnswer, Error) {
        let error = socks.connect(&Target::new("mail.example", 993).unwrap()).await.err().unwrap();
        let Error::Proxy { answer, .. } = &error else { panic!("{error}") };
        (answer.clone(), error)
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_says_why() {
        let hello = (b"\x05\x01\x00".as_slice(), b"\x05\x00".as_slice());
        for (code, is_permanent) in [(1, false), (2, true), (5, false), (7, true), (9, false), (255, false)] {
            let answer = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
            let script = Scripted::new([hello, (TO_NAME, &answer)]);
            let (answer, error) = refusal_of(socks(&script)).await;
            assert!(matches!(answer, ProxyAnswer::Refused { code: said, .. } if said == u16::from(code)));
            assert_eq!(error.is_permanent(), is_permanent, "{code}");
        }
        let answer = [5, 5, 0, 1, 0, 0, 0, 0, 0, 0];
        let (_, error) = refusal_of(socks(&Scripted::new([hello, (TO_NAME, &answer)]))).await;
        let expected = "mail.example:993: the proxy proxy.example:1080 refuses: 5 connection refused";
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn credentials_that_are_missing_or_wrong_are_told_apart() {
        let script = Scripted::new([(b"\x05\x01\x00".as_slice(), b"\x05\xff".as_slice())]);
        let (answer, error) = refusal_of(socks(&script)).await;
        assert_eq!(answer, ProxyAnswer::AuthenticationRequired);
        assert!(error.is_permanent());
        let script = Scripted::new([
            (b"\x05\x02\x00\x02".as_slice(), b"\x05\x02".as_slice()),
            (b"\x01\x03joe\x06secret", b"\x01\x01"),
        ]);
        let (answer, error) = refusal_of(socks(&script).credentials("joe", "secret").unwrap()).await;
        assert_eq!(answer, ProxyAnswer::AuthenticationRefused);
        assert!(error.is_permanent() && !error.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn what_is_no_socks_proxy_is_found_out_at_once() {
        let hello = b"\x05\x01\x00".as_slice();
        // SOCKS 4, HTTP, IMAP, a method that wasn't offered, GSSAPI.
        for answer in [b"\x04\x5b".as_slice(), b"HTTP/1.1 400", b"* OK hello\r\n", b"\x05\x02", b"\x05\x01"] {
            let (answer, error) = refusal_of(socks(&Scripted::new([(hello, answer)]))).await;
            assert!(matches!(answer, ProxyAnswer::NotAProxy(_)) && error.is_permanent());
        }
        // An address of no known type; another version half way.
        for answer in [b"\x05\x00\x00\x09\0\0\0\0\0\0".as_slice(), b"\x04\x00\x00\x01\0\0\0\0\0\0"] {
            let script = Scripted::new([(hello, b"\x05\x00".as_slice()), (TO_NAME, answer)]);
            assert!(matches!(refusal_of(socks(&script)).await.0, ProxyAnswer::NotAProxy(_)));
        }
    }

    #[tokio::test]
    async fn a_proxy_that_hangs_up_half_way_is_transient() {
        let whole = b"\x05\x00\x00\x01\x7f\0\0\x01\x10\x00";
        for length in 0..whole.len() {
            let script = Scripted::new([
                (b"\x05\x01\x00".as_slice(), b"\x05\x00".as_slice()),
                (TO_NAME, &whole[..length]),
            ]);
            let (answer, error) = refusal_of(socks(&script)).await;
            assert_eq!(answer, ProxyAnswer::Lost);
            assert!(!error.is_permanent() && std::error::Error::source(&error).is_some());
        }
    }

    #[tokio::test]
    async fn a_proxy_that_cannot_be_reached_is_named() {
        let socks = socks(&Scripted::unreachable());
        let error = socks.connect(&Target::new("mail.example", 993).unwrap()).await.err().unwrap();
        assert_eq!(
            error.to_string(),
            "mail.example:993: on the way to the proxy: proxy.example:1080: no network"
        );
    }
}
