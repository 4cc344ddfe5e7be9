//! Ways to the server: through proxies, from a local address, with somebody else's TLS.

system_tests::watch_for_secrets!();

mod common;

use std::net::Ipv4Addr;

use common::{client, server};
use mail_client::transport::{HttpProxy, Socks5, Target, TcpConnector, Tls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// A proxy that lets everybody through, once: reads a request as `ask` does, answers, and joins both ends.
async fn proxy<F>(ask: fn(TcpStream) -> F) -> Target
where
    F: Future<Output = (TcpStream, u16)> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut client, port) = ask(client).await;
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut server).await;
    });
    Target::new("127.0.0.1", port).unwrap()
}

/// RFC 1928 without a login.
async fn socks5(mut client: TcpStream) -> (TcpStream, u16) {
    let mut hello = [0; 3];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(hello, [5, 1, 0]);
    client.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 10];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request[..8], [5, 1, 0, 1, 127, 0, 0, 1]);
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    (client, u16::from_be_bytes([request[8], request[9]]))
}

async fn http(mut client: TcpStream) -> (TcpStream, u16) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let port = head.strip_prefix("CONNECT 127.0.0.1:").unwrap().split(' ').next().unwrap().parse().unwrap();
    client.write_all(b"HTTP/1.1 200 go on\r\n\r\n").await.unwrap();
    (client, port)
}

#[tokio::test]
async fn through_a_socks_proxy() {
    let server = server().start().await.unwrap();
    let client = client(&server).connector(Socks5::new(proxy(socks5).await)).build().unwrap();
    client.noop().await.unwrap();
    assert_eq!(server.report().connections.total, 1);
    client.close().await;
}

#[tokio::test]
async fn through_an_http_proxy() {
    let server = server().start().await.unwrap();
    let client = client(&server).connector(HttpProxy::new(proxy(http).await)).build().unwrap();
    client.noop().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn from_a_local_address_and_with_a_configuration_of_ones_own() {
    let server = server().start().await.unwrap();
    let from = TcpConnector::new().local_address(Ipv4Addr::new(127, 0, 0, 2).into());
    let client = client(&server).connector(from).tls(Tls::from(server.client_config())).build().unwrap();
    client.noop().await.unwrap();
    client.close().await;
    let nowhere = TcpConnector::new().local_address(Ipv4Addr::new(192, 0, 2, 1).into());
    let client = common::client(&server).connector(nowhere).build().unwrap();
    let error = client.noop().await.unwrap_err();
    assert_eq!(error.kind(), mail_client::ErrorKind::Transport, "{error}");
}
