//! Sending, from threads.

use std::{
    io::{BufRead, BufReader, Cursor, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use mail_client::{blocking::SmtpClient, smtp::Mail};

/// A server that takes any message, and hands it on as it came; those to `nobody` it refuses.
fn take_mail() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, taken) = mpsc::channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, told) = (socket.unwrap(), told.clone());
            // A client that goes away ends it.
            thread::spawn(move || serve(&socket, &told).unwrap_or_default());
        }
    });
    (port, taken)
}

fn serve(mut socket: &TcpStream, told: &mpsc::Sender<String>) -> std::io::Result<()> {
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    socket.write_all(b"220 here\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let answer: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => b"250-here\r\n250 8BITMIME\r\n",
            "RCPT" if line.contains("nobody") => b"550 5.1.1 who?\r\n",
            "DATA" => {
                socket.write_all(b"354 go on\r\n")?;
                let mut message = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    message += &(line + "\n");
                }
                let _ = told.send(message);
                b"250 2.0.0 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 2.0.0 ok\r\n",
        };
        socket.write_all(answer)?;
    }
    Ok(())
}

fn client(port: u16, max_connections: usize) -> SmtpClient {
    let builder =
        SmtpClient::builder("127.0.0.1", "").port(port).plaintext_without_encryption().without_login();
    builder.max_connections(max_connections).build_blocking().unwrap()
}

fn text(to: &str, subject: usize) -> String {
    format!("From: kim@example.org\r\nTo: {to}@example.org\r\nSubject: {subject}\r\n\r\nHello!\r\n")
}

#[test]
fn messages_are_sent_one_by_one_in_the_background_and_many_at_a_time() {
    let (port, taken) = take_mail();
    let client = client(port, 4);
    assert!(client.noop().unwrap().is_positive());
    let sent = client.send(Mail::new(text("bob", 0))).unwrap();
    assert!(sent.is_complete());
    assert!(taken.recv().unwrap().contains("Subject: 0\n"));
    client.send(Mail::new(text("nobody", 1))).unwrap_err();
    assert!(client.begin_send(Mail::new(text("bob", 2))).unwrap().wait().unwrap().is_complete());
    assert!(taken.recv().unwrap().contains("Subject: 2\n"));
    let verified = client.begin(|client| client.verify("bob")).unwrap();
    assert!(verified.wait().unwrap().is_positive());

    let to = |n: usize| if n % 10 == 9 { "nobody" } else { "bob" };
    let mut sending =
        client.send_many((0..100).map(move |n| Mail::new(text(to(n), n)))).connections(3).in_order();
    for n in 0..100 {
        let mail = sending.next().unwrap();
        assert_eq!((mail.index, mail.outcome.is_ok()), (n, n % 10 != 9));
    }
    assert!(sending.next().is_none());
    let progress = sending.progress();
    assert_eq!((progress.begun, progress.sent, progress.failed), (100, 90, 10));
    assert_eq!(taken.try_iter().count(), 90);
    client.close();
}

#[test]
fn messages_to_be_sent_come_of_calls() {
    let (port, taken) = take_mail();
    let (client, other) = (client(port, 2), client(port, 1));
    let mails = (0..20).map(move |n| {
        assert!(other.noop().unwrap().is_positive());
        Mail::new(text("bob", n))
    });
    assert!(client.send_many(mails).connections(2).all(|mail| mail.outcome.is_ok()));
    assert_eq!(taken.try_iter().count(), 20);
    client.close();
}

#[test]
fn a_message_is_read_from_what_blocks() {
    const LINES: usize = 100_000;
    let (port, taken) = take_mail();
    let client = client(port, 1);
    let header = text("bob", 1);
    let reader = Cursor::new(header.clone()).chain(Cursor::new("0123456789\r\n".repeat(LINES)));
    assert!(client.send(Mail::from_blocking_reader(reader, None)).unwrap().is_complete());
    let message = taken.recv().unwrap();
    assert_eq!(message.len(), header.replace('\r', "").len() + LINES * 11);
    client.close();
}

#[test]
fn p22_p30_threads_share_main_or_have_a_default_each() {
    let (port, taken) = take_mail();
    let client = client(port, 5);
    thread::scope(|scope| {
        for n in 0..16 {
            let client = &client;
            scope.spawn(move || {
                let _own = (n < 4).then(|| client.create_default_connection().unwrap());
                assert!(client.send(Mail::new(text("bob", n))).unwrap().is_complete());
            });
        }
    });
    assert_eq!(taken.try_iter().count(), 16);
    assert!(client.pool_status().counts.open() <= 5);
    client.close();
}
