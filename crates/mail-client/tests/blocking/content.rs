//! Messages as iterators, bodies as `Read`, uploads from `Read`.

use std::io::{self, BufRead, BufReader, Read};

use mail_client::{
    ErrorKind,
    blocking::imap::{BodyReader, FetchStream},
    imap::{FetchItems, Flag, NewMessage, SearchKey, SectionText, SequenceSet},
};
use mail_testkit::Corpus;

use crate::{
    common,
    server::{Running, start},
};

const LARGE: usize = 50 << 20;

/// Lines of which no two are alike, without end.
struct Lines(u64, Vec<u8>);

impl Read for Lines {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.1.is_empty() {
            self.0 += 1;
            self.1 = format!("{:074x}\r\n", self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes();
        }
        let len = (&self.1[..]).read(buf)?;
        self.1.drain(..len);
        Ok(len)
    }
}

fn lines(len: usize) -> impl Read + Send {
    Lines(0, Vec::new()).take(len as u64)
}

fn with_message(len: usize) -> Running {
    let mut message = Vec::new();
    lines(len).read_to_end(&mut message).unwrap();
    start(common::server().messages("INBOX", [message]).mailbox("Archive"))
}

/// Whether two readers give the same.
fn same(one: impl Read, other: impl Read) -> bool {
    let (mut one, mut other) =
        (BufReader::with_capacity(1 << 16, one), BufReader::with_capacity(1 << 16, other));
    loop {
        let (mine, theirs) = (one.fill_buf().unwrap(), other.fill_buf().unwrap());
        let len = mine.len().min(theirs.len());
        if mine[..len] != theirs[..len] || (len == 0 && mine.len() + theirs.len() > 0) {
            return false;
        }
        if len == 0 {
            return true;
        }
        one.consume(len);
        other.consume(len);
    }
}

#[test]
fn a_body_is_read_in_constant_memory() {
    // What the system's buffers take, and the client's own; far less than the body.
    const MOST_AHEAD: u64 = 24 << 20;
    let running = with_message(LARGE);
    for connections in [1, 2] {
        let client = running.client(connections);
        let own = (connections == 2).then(|| client.create_connection().unwrap());
        let inbox = client.examine("INBOX").unwrap();
        let inbox = own.as_ref().map_or_else(|| inbox.clone(), |own| inbox.via(own));
        let before = running.server.report().sent;
        let mut messages = inbox.fetch(1, FetchItems::new().body());
        let mut body = messages.next().unwrap().unwrap().into_body().into_reader().unwrap();
        let mut first = [0; 1000];
        body.read_exact(&mut first).unwrap();
        // Nobody reads on, and others have all the time in the world.
        for _ in 0..200 {
            client.noop().unwrap();
        }
        let sent = running.server.report().sent - before;
        assert!(sent < MOST_AHEAD, "{sent} bytes were sent for 1,000 that were read");
        assert!(same((&first[..]).chain(&mut body), lines(LARGE)));
        assert_eq!(body.offset(), LARGE as u64);
        assert!(body.chunk().unwrap().is_none() && messages.next().is_none());
        client.close();
    }
}

#[test]
fn a_body_is_read_by_pieces_of_any_size() {
    const LEN: usize = 8 << 20;
    let running = with_message(LEN);
    let client = running.client(1);
    let inbox = client.examine("INBOX").unwrap();
    let mut messages = inbox.fetch(1, FetchItems::new().body());
    let mut body = messages.next().unwrap().unwrap().into_body().into_reader().unwrap();
    let (mut expected, mut read) = (BufReader::new(lines(LEN)), 0);
    let mut line = String::new();
    for size in [1, 3, 78, 4096, 100_000, 3_000_000] {
        let (mut mine, mut theirs) = (vec![0; size], vec![0; size]);
        body.read_exact(&mut mine).unwrap();
        expected.read_exact(&mut theirs).unwrap();
        read += size as u64;
        assert!(mine == theirs && body.offset() == read, "{size}");
        line.clear();
        read += body.read_line(&mut line).unwrap() as u64;
        let mut theirs = String::new();
        expected.read_line(&mut theirs).unwrap();
        assert_eq!((&line, body.offset()), (&theirs, read));
        if let Some(chunk) = body.chunk().unwrap() {
            let mut theirs = vec![0; chunk.len()];
            expected.read_exact(&mut theirs).unwrap();
            read += chunk.len() as u64;
            assert!(chunk == theirs && body.offset() == read, "{size}");
        }
    }
}

#[test]
fn p35_calls_between_the_messages_of_an_iterator() {
    const COUNT: u32 = 300;
    let running = start(common::server().messages("INBOX", Corpus::new(COUNT as usize, 3)));
    let client = running.client(1);
    let inbox = client.select("INBOX").unwrap();
    let mut count = 0;
    for message in inbox.fetch(SequenceSet::all(), FetchItems::new().body()) {
        let message = message.unwrap();
        inbox.add_flags(message.uid(), [Flag::Seen]).unwrap();
        count += u32::from(message.into_body().bytes().unwrap().len() > 10);
    }
    assert_eq!(count, COUNT);
    assert_eq!(inbox.search(SearchKey::seen()).unwrap().count(), COUNT);
    assert_eq!(running.server.report().connections.total, 1);
    client.close();
}

#[test]
fn messages_come_over_several_connections_and_in_order() {
    let running = start(common::server().messages("INBOX", Corpus::new(500, 3)));
    let client = running.client(5);
    let inbox = client.examine("INBOX").unwrap();
    let stream = inbox.fetch(SequenceSet::all(), FetchItems::new().size().body()).connections(4).in_order();
    let uids: Vec<u32> = stream
        .map(|message| {
            let message = message.unwrap();
            let (uid, size) = (message.uid(), message.size());
            assert_eq!(message.into_body().bytes().unwrap().len() as u64, size.unwrap());
            uid
        })
        .collect();
    assert_eq!(uids, (1..=500).collect::<Vec<_>>());
    client.close();
}

#[test]
fn sections_come_one_after_the_other() {
    let running = start(common::server().messages("INBOX", ["Subject: one\r\n\r\nand its text\r\n"]));
    let inbox = running.client(1).examine("INBOX").unwrap();
    let items = FetchItems::new().header().part(&[], SectionText::Text);
    let message = inbox.fetch(1, items).next().unwrap().unwrap();
    let sections = message.into_sections();
    let content: Vec<_> = sections.map(|section| section.unwrap().body.bytes().unwrap()).collect();
    assert_eq!(content, ["Subject: one\r\n\r\n", "and its text\r\n"]);
}

#[test]
fn a_message_goes_up_from_what_blocks_and_from_another_servers_body() {
    const LEN: usize = 3 << 20;
    let (from, to) = (with_message(LEN), start(common::server().mailbox("Archive")));
    let (source, target) = (from.client(2), to.client(1));
    // With what it comes from.
    struct Fetched(BodyReader, #[expect(dead_code, reason = "ends when it is dropped")] FetchStream);
    impl Read for Fetched {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }
    let body = || {
        let inbox = source.examine("INBOX").unwrap();
        let mut messages = inbox.fetch(1, FetchItems::new().body());
        let message = messages.next().unwrap().unwrap();
        Fetched(message.into_body().into_reader().unwrap(), messages)
    };
    let archive = target.select("Archive").unwrap();
    let message = NewMessage::from_blocking_reader(body(), LEN as u64);
    let stored = archive.append(message).unwrap().uid.unwrap();
    let mut messages = archive.fetch(stored, FetchItems::new().body());
    let read = messages.next().unwrap().unwrap();
    assert!(same(read.into_body().into_reader().unwrap(), lines(LEN)));
    // By the client whose own message it is, over another connection than the one that it comes from.
    let own = source.create_connection().unwrap();
    let message = NewMessage::from_blocking_reader(body(), LEN as u64);
    source.via(&own).append("Archive", message).unwrap();

    // The async client takes it too, and reads it on no thread of its runtime.
    let message = NewMessage::from_blocking_reader(lines(LEN), LEN as u64);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(target.to_async().append("Archive", message)).unwrap();
    source.close();
    target.close();
}

#[test]
fn an_upload_whose_source_fails_or_lies_stores_nothing() {
    struct Broken(u8);
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            match self.0 {
                0 => Err(io::Error::other("the disk is on fire")),
                _ => std::panic::resume_unwind(Box::new("the reader panics")),
            }
        }
    }
    let running = start(common::server().mailbox("Archive"));
    let client = running.client(2);
    let begun = || (&b"Subject: begun\r\n\r\n"[..]).chain(io::repeat(b'x').take(1 << 20));
    let cases: [(Box<dyn Read + Send>, &str); 4] = [
        (Box::new(begun().chain(Broken(0))), "the disk is on fire"),
        (Box::new(begun().chain(Broken(1))), "panicked"),
        (Box::new(begun()), ""),
        (Box::new(begun().chain(io::repeat(b'y').take(2 << 20))), ""),
    ];
    for (reader, expected) in cases {
        let message = NewMessage::from_blocking_reader(reader, 2 << 20);
        let error = client.append("Archive", message).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(client.examine("Archive").unwrap().exists(), 0);
    client.close();
}

#[test]
fn many_messages_go_up_at_once() {
    let running = start(common::server().mailbox("Archive"));
    let client = running.client(2);
    let messages = (0..200).map(|n| NewMessage::new(format!("Subject: {n}\r\n\r\n")));
    let stored = client.append_many("Archive", messages);
    assert_eq!(
        stored.iter().filter(|stored| stored.as_ref().is_ok_and(|stored| stored.uid.is_some())).count(),
        200
    );
    client.close();
}
