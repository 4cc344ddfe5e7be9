//! The clients: all that anyone has in hand of them, async and blocking, while they work and when they fail.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use mail_client::imap::{FetchItems, ImapClient, NewMessage};
use mail_client::pop3::Pop3Client;
use mail_client::smtp::{Mail, SmtpClient};
use mail_client::transport::{
    Connector, HttpProxy, Socks5, Stream, SystemResolver, Target, TcpConnector, Tls,
};
use mail_client::{Error, Secret, TokenRequest, blocking};
use mail_testkit::{Endpoint, Server};
use system_tests::secrets::register;
use tokio::runtime::Runtime;

use crate::printed::{PASSWORD, Printed, TOKEN};

const MAIL: &str = "From: kim@example.org\r\nTo: kim@example.org\r\nSubject: hi\r\n\r\nHello!\r\n";

pub(crate) fn print(printed: &mut Printed) {
    let runtime = Runtime::new().unwrap();
    let server = Server::builder().user("kim", PASSWORD).token(TOKEN).messages("INBOX", [MAIL, MAIL]);
    // Only who logs in by a certificate has one.
    let server = server.mechanisms(["PLAIN", "XOAUTH2", "EXTERNAL"]);
    let server = runtime.block_on(server.start()).unwrap();
    runtime.block_on(async {
        print_transport(printed, &server).await;
        print_imap(printed, &server).await;
        print_pop3(printed, &server).await;
        print_smtp(printed, &server).await;
        print_refusals(printed, &server).await;
    });
    print_blocking(printed, &server);
}

fn trust(server: &Server) -> Tls {
    Tls::builder().root_pem(server.ca_pem().as_bytes()).unwrap().build().unwrap()
}

macro_rules! builder {
    ($Client:ident, $server:expr, $endpoint:ident) => {
        $Client::builder("127.0.0.1", "kim")
            .port($server.address(Endpoint::$endpoint).port())
            .tls(trust($server))
            .password(PASSWORD)
    };
}

async fn print_transport(printed: &mut Printed, server: &Server) {
    let target = Target::new("127.0.0.1", server.address(Endpoint::ImapTls).port()).unwrap();
    printed.display(&target);
    let tcp = TcpConnector::new().resolver(SystemResolver);
    printed.debug(&tcp);
    let socks = Socks5::new(target.clone()).credentials("kim", PASSWORD).unwrap();
    printed.debug(&socks);
    let proxy = HttpProxy::new(target.clone()).credentials("kim", PASSWORD).unwrap();
    printed.debug(&proxy);
    // The server is no proxy.
    printed.error(&socks.over(tcp.clone()).connect(&target).await.map(drop).unwrap_err());
    printed.error(&proxy.over(tcp.clone()).connect(&target).await.map(drop).unwrap_err());
    printed.error(
        &HttpProxy::new(target.clone()).credentials("kim:", &format!("{PASSWORD}\n")).map(drop).unwrap_err(),
    );

    let own = server.client_certificate("kim").unwrap();
    register(own.key_pem.lines().nth(1).unwrap());
    let builder = Tls::builder().root_pem(server.ca_pem().as_bytes()).unwrap();
    let builder =
        builder.client_certificate_pem(own.certificate_pem.as_bytes(), own.key_pem.as_bytes()).unwrap();
    printed.debug(&builder);
    let tls = builder.build().unwrap();
    printed.debug(&tls);
    let broken = Tls::builder().client_certificate_pem(own.key_pem.as_bytes(), own.key_pem.as_bytes());
    printed.error(&broken.map(drop).unwrap_err());
    let stream = tls.connect(tcp.connect(&target).await.unwrap(), &target).await.unwrap();
    printed.debug(&stream);
    printed.debug(&Stream::Tls(Box::new(stream)));
}

async fn print_imap(printed: &mut Printed, server: &Server) {
    let builder = builder!(ImapClient, server, ImapTls);
    printed.debug(&builder);
    printed.debug(&builder!(ImapClient, server, ImapTls).token(TOKEN));
    let tokens = builder!(ImapClient, server, ImapTls)
        .token_provider(|_: TokenRequest| async { Err(format!("no {}", "token").into()) });
    printed.debug(&tokens);
    printed.error(&tokens.build().unwrap().connect().await.unwrap_err());
    let client = builder.build().unwrap();
    printed.debug(&client);
    client.connect().await.unwrap();
    printed.debug(&client);
    printed.debug(&client.pool_status());
    let connection = client.create_connection().await.unwrap();
    printed.debug(&connection);
    printed.debug(&client.exclusive(&connection).await.unwrap());
    printed.debug(&client.create_default_connection().await.unwrap());
    let pending = client.begin(|client| async move { client.noop().await }).unwrap();
    printed.debug(&pending);
    pending.await.unwrap();
    printed.debug(&NewMessage::new(MAIL));
    let inbox = client.select("INBOX").await.unwrap();
    printed.debug(&inbox);
    let mut stream = inbox.fetch(1..=2, FetchItems::new().flags().body());
    printed.debug(&stream);
    let message = stream.next().await.unwrap().unwrap();
    printed.debug(&message);
    let body = message.into_body();
    printed.debug(&body);
    printed.debug(&body.into_reader().unwrap());
    let mut sections = stream.next().await.unwrap().unwrap().into_sections();
    printed.debug(&sections);
    printed.debug(&sections.next().await.unwrap().unwrap());
    let watch = client.watch("INBOX");
    printed.debug(&watch);
    printed.debug(&watch.start());
    client.set_password(format!("another {PASSWORD}")).unwrap();
    printed.debug(&client);
    client.close().await;
    printed.error(&client.noop().await.unwrap_err());
}

async fn print_pop3(printed: &mut Printed, server: &Server) {
    let builder = builder!(Pop3Client, server, Pop3Tls);
    printed.debug(&builder);
    let client = builder.max_connections(2).build().unwrap();
    printed.debug(&client);
    let session = client.session().await.unwrap();
    printed.debug(&session);
    let mut stream = session.retrieve_all([1, 2]);
    printed.debug(&stream);
    let message = stream.next().await.unwrap().unwrap();
    printed.debug(&message);
    printed.debug(&message.content);
    drop((message, stream));
    session.close().await;
    printed.debug(&client.create_connection().await.unwrap());
    client.close().await;
}

async fn print_smtp(printed: &mut Printed, server: &Server) {
    let builder = builder!(SmtpClient, server, SmtpTls);
    printed.debug(&builder);
    let client = builder.build().unwrap();
    printed.debug(&client);
    printed.debug(&client.create_connection().await.unwrap());
    printed.debug(&Mail::new(MAIL));
    let mut sending = client.send_many([Mail::new(MAIL)]);
    printed.debug(&sending);
    let sent = sending.next().await.unwrap();
    printed.debug(&sent);
    assert!(sent.outcome.unwrap().is_complete());
    client.close().await;
}

/// Wrong passwords, at servers that say so and at such that repeat whatever they are told.
async fn print_refusals(printed: &mut Printed, server: &Server) {
    let wrong = || Secret::from(format!("wrong {PASSWORD}"));
    let imap = builder!(ImapClient, server, ImapTls).password(wrong()).build().unwrap();
    print_refused(printed, &imap.connect().await.unwrap_err());
    printed.debug(&imap.pool_status());
    let pop3 = builder!(Pop3Client, server, Pop3Tls).password(wrong()).build().unwrap();
    print_refused(printed, &pop3.connect().await.unwrap_err());
    let smtp = builder!(SmtpClient, server, SmtpTls).password(wrong()).build().unwrap();
    print_refused(printed, &smtp.connect().await.unwrap_err());

    for initial in [true, false] {
        let imap = ImapClient::builder("127.0.0.1", "kim").port(echo("* OK hi", |line| match line {
            line if line.ends_with("CAPABILITY") => {
                "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nA1 OK".into()
            }
            line if line.ends_with("AUTHENTICATE PLAIN") => "+ ".into(),
            line => format!("* BAD {line}\r\n* {line}\r\n{line}\r\nA2 NO [X {line}] what is {line}"),
        }));
        let imap = imap.password(PASSWORD).plaintext_without_encryption().initial_response(initial);
        print_refused(printed, &imap.build().unwrap().connect().await.unwrap_err());
        let pop3 = Pop3Client::builder("127.0.0.1", "kim").port(echo("+OK hi", |line| match line {
            "CAPA" => "+OK\r\nSASL PLAIN\r\n.".into(),
            "AUTH PLAIN" => "+ ".into(),
            line => format!("-ERR what is {line}"),
        }));
        let pop3 = pop3.password(PASSWORD).plaintext_without_encryption().initial_response(initial);
        print_refused(printed, &pop3.build().unwrap().connect().await.unwrap_err());
        let smtp = SmtpClient::builder("127.0.0.1", "kim").port(echo("220 hi", |line| match line {
            line if line.starts_with("EHLO") => "250-hi\r\n250 AUTH PLAIN".into(),
            "AUTH PLAIN" => "334 ".into(),
            line => format!("535-5.7.8 {line}\r\n535 5.7.8 what is {line}"),
        }));
        let smtp = smtp.password(PASSWORD).plaintext_without_encryption().initial_response(initial);
        print_refused(printed, &smtp.build().unwrap().connect().await.unwrap_err());
    }
}

fn print_refused(printed: &mut Printed, error: &Error) {
    assert_eq!(error.kind(), mail_client::ErrorKind::Login, "{error}");
    printed.error(error);
}

/// A server that answers each line so. Gives its port.
fn echo(greeting: &'static str, answer: fn(&str) -> String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            thread::spawn(move || {
                let lines = BufReader::new(socket.try_clone().unwrap()).lines();
                let mut say = |line: &str| socket.write_all(format!("{line}\r\n").as_bytes()).is_ok();
                say(greeting);
                // A client that goes away ends it.
                lines.map_while(Result::ok).all(|line| say(&answer(&line)));
            });
        }
    });
    port
}

fn print_blocking(printed: &mut Printed, server: &Server) {
    let client = builder!(ImapClient, server, ImapTls).build_blocking().unwrap();
    printed.debug(&client);
    let connection = client.create_connection().unwrap();
    printed.debug(&connection);
    printed.debug(&client.exclusive(&connection).unwrap());
    printed.debug(&client.create_default_connection().unwrap());
    let pending = client.begin(|client| client.noop()).unwrap();
    printed.debug(&pending);
    pending.wait().unwrap();
    let inbox = client.select("INBOX").unwrap();
    printed.debug(&inbox);
    let mut stream = inbox.fetch(1..=2, FetchItems::new().flags().body());
    printed.debug(&stream);
    let message = stream.next().unwrap().unwrap();
    printed.debug(&message);
    let body = message.into_body();
    printed.debug(&body);
    printed.debug(&body.into_reader().unwrap());
    let mut sections = stream.next().unwrap().unwrap().into_sections();
    printed.debug(&sections);
    printed.debug(&sections.next().unwrap().unwrap());
    let watch = client.watch("INBOX");
    printed.debug(&watch);
    printed.debug(&watch.start());

    let client = builder!(Pop3Client, server, Pop3Tls).build_blocking().unwrap();
    printed.debug(&client);
    let session = client.session().unwrap();
    printed.debug(&session);
    let mut stream = session.retrieve_all([1, 2]);
    printed.debug(&stream);
    let message = stream.next().unwrap().unwrap();
    printed.debug(&message);
    printed.debug(&message.content);

    let client = builder!(SmtpClient, server, SmtpTls).build_blocking().unwrap();
    printed.debug(&client);
    printed.debug(&client.send_many([Mail::new(MAIL)]));
    let _: &blocking::SmtpClient = &client;
}
