//! POP3, from threads.

use std::{io::Read, thread};

use mail_client::blocking::Pop3Client;
use mail_testkit::Endpoint;

use crate::{
    common,
    server::{Running, start},
};

const COUNT: usize = 20;

fn letter(n: usize) -> String {
    format!("Subject: {n}\r\n\r\n.one dot\r\n{}\r\n", "and text ".repeat(n * 100))
}

fn with_mail() -> Running {
    start(common::server().messages("INBOX", (0..COUNT).map(letter)))
}

fn client(running: &Running) -> Pop3Client {
    let port = running.server.address(Endpoint::Pop3Tls).port();
    let builder = Pop3Client::builder("127.0.0.1", "kim").port(port).password("secret");
    builder.tls(common::trust(&running.server)).build_blocking().unwrap()
}

fn left(running: &Running) -> usize {
    running.server.account("kim").unwrap().messages("INBOX").unwrap().len()
}

#[test]
fn messages_are_an_iterator_and_their_content_is_read() {
    let running = with_mail();
    let client = client(&running);
    assert_eq!(client.stat().unwrap().count as usize, COUNT);
    assert_eq!(client.list().unwrap().len(), COUNT);
    let uids = client.uidl().unwrap();
    for (n, message) in client.retrieve_all(&uids).enumerate() {
        let mut content = message.unwrap().content;
        let mut text = vec![0; 5];
        content.read_exact(&mut text).unwrap();
        text.extend(content.chunk().unwrap().unwrap_or_default());
        assert_eq!(content.offset(), text.len() as u64);
        text.extend(content.bytes().unwrap());
        assert_eq!(String::from_utf8(text).unwrap(), letter(n));
    }
    // One that isn't there is an error in its place.
    let wanted = [uids[3].to_string(), "nothing".to_owned(), uids[5].to_string()];
    let outcomes: Vec<_> = client.retrieve_all(wanted).map(|message| message.is_ok()).collect();
    assert_eq!(outcomes, [true, false, true]);
    let counted = client.begin(|client| Ok(client.stat()?.count)).unwrap();
    assert_eq!(counted.wait().unwrap() as usize, COUNT);
    client.close();
}

#[test]
fn p36_a_session_deletes_when_it_is_committed_and_not_when_its_thread_ends() {
    let running = with_mail();
    let client = client(&running);
    let marking = client.clone();
    thread::spawn(move || {
        let session = marking.session().unwrap();
        session.delete(1).unwrap();
        session.delete(2).unwrap();
        assert_eq!(session.deleted(), 2);
    })
    .join()
    .unwrap();
    assert_eq!(left(&running), COUNT);
    let session = client.session().unwrap();
    for uid in session.uidl().unwrap().into_iter().take(5) {
        session.retrieve(&uid).unwrap().bytes().unwrap();
        session.delete(&uid).unwrap();
    }
    session.commit().unwrap();
    assert_eq!(left(&running), COUNT - 5);
    client.session().unwrap().close();
    client.close();
}
