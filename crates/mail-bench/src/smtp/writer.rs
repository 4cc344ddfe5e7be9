//! The floor: raw sockets, a thread each, that write a message's end and the next one's envelope at once, and look at
//! nothing of a reply but its code.

use std::{
    io::{Read, Write},
    sync::Arc,
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::ClientConfig;

use super::job::{FROM, Job, TO};
use crate::{
    failure::Failed,
    meter::{Done, Meter, Taken},
    wire::Wire,
};

/// So much of replies is read at once.
const BUFFER: usize = 4 << 10;

pub(super) fn run(job: &Job) -> Result<Taken, Failed> {
    let messages = job.messages();
    let texts: Vec<Vec<u8>> = messages.iter().map(|message| stuffed(message)).collect();
    let shares = job.shares(&texts);
    let config = job.account.client_config()?;
    let meter = Meter::start();
    thread::scope(|scope| {
        let all: Vec<_> = shares
            .iter()
            // A failure ends the run; its text is all that is of interest.
            .map(|share| scope.spawn(|| send(job, config.as_ref(), share).map_err(|error| error.to_string())))
            .collect();
        for one in all {
            one.join().map_err(|_| "a writer panicked")??;
        }
        Ok::<_, Failed>(())
    })?;
    Ok(meter.stop(Done { count: job.count as u64, bytes: (job.count * job.size) as u64 }))
}

/// A message as it is written, with its end.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len() + 8);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            text.push(b'.');
        }
        text.extend_from_slice(line);
    }
    text.extend_from_slice(b".\r\n");
    text
}

fn send(job: &Job, config: Option<&Arc<ClientConfig>>, texts: &[Vec<u8>]) -> Result<(), Failed> {
    let mut writer = Writer { wire: Wire::open(&job.account, config)?, buffer: vec![0; BUFFER], read: 0 };
    writer.replies("220")?;
    writer.write(b"EHLO [127.0.0.1]\r\n")?;
    writer.replies("250")?;
    let secret = format!("\0{}\0{}", job.account.user, job.account.password);
    writer.write(format!("AUTH PLAIN {}\r\n", BASE64_STANDARD.encode(secret)).as_bytes())?;
    writer.replies("235")?;
    let envelope = format!("MAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\nDATA\r\n");
    let mut out = envelope.clone().into_bytes();
    let mut texts = texts.iter().peekable();
    writer.write(&out)?;
    while let Some(text) = texts.next() {
        writer.replies("354")?;
        out.clear();
        out.extend_from_slice(text);
        if texts.peek().is_some() {
            out.extend_from_slice(envelope.as_bytes());
        }
        writer.write(&out)?;
    }
    // The last one's.
    writer.replies("250")?;
    writer.write(b"QUIT\r\n")
}

struct Writer {
    wire: Wire,
    buffer: Vec<u8>,
    read: usize,
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        self.wire.write_all(bytes)?;
        Ok(self.wire.flush()?)
    }

    /// Reads until the last line of a reply with this code.
    fn replies(&mut self, code: &str) -> Result<(), Failed> {
        self.read = 0;
        loop {
            let len = self.wire.read(&mut self.buffer[self.read..])?;
            if len == 0 {
                return Err("the server closed the connection, or says too much".into());
            }
            self.read += len;
            let Some(lines) = self.buffer[..self.read].strip_suffix(b"\r\n") else { continue };
            let last = lines.iter().rposition(|byte| *byte == b'\n').map_or(lines, |at| &lines[at + 1..]);
            if last.starts_with(b"4") || last.starts_with(b"5") {
                return Err(format!("the server says {}", last.escape_ascii()).into());
            }
            if last.strip_prefix(code.as_bytes()).is_some_and(|rest| rest.starts_with(b" ")) {
                return Ok(());
            }
        }
    }
}
