//! The floor: a raw socket that sends the same commands, reads into one buffer, and looks at the last bytes of
//! each read for the tagged OK.

use std::{
    io::{Read, Write},
    sync::Arc,
    thread,
};

use rustls::ClientConfig;

use super::job::{Job, Task};
use crate::{
    failure::Failed,
    mail,
    meter::{Done, Meter, Taken},
    wire::Wire,
};

const BUFFER: usize = 256 << 10;

/// How much is looked at for the tagged OK: a line with APPENDUID and Dovecot's timings has up to 90 bytes.
const TAIL: usize = 96;

/// How many messages share a command.
const BATCH: usize = 100;

pub(super) fn run(job: &Job) -> Result<Taken, Failed> {
    let config = job.account.client_config()?;
    let config = config.as_ref();
    match job.task {
        Task::Connect => {
            let meter = Meter::start();
            for _ in 0..job.count {
                let mut reader = Reader::log_in(job, config)?;
                reader.command(&format!("SELECT {}", job.mailbox))?;
                reader.command("LOGOUT")?;
            }
            Ok(meter.stop(Done { count: job.count as u64, bytes: 0 }))
        }
        Task::List => fetch(job, config, "(UID FLAGS ENVELOPE BODYSTRUCTURE)"),
        Task::Bodies => fetch(job, config, "(UID BODY.PEEK[])"),
        Task::Noop => {
            let mut reader = Reader::log_in(job, config)?;
            reader.command(&format!("SELECT {}", job.mailbox))?;
            let meter = Meter::start();
            let mut window = Vec::new();
            for begun in (0..job.count).step_by(job.tasks) {
                window.clear();
                for _ in begun..job.count.min(begun + job.tasks) {
                    reader.tag += 1;
                    write!(window, "A{} NOOP\r\n", reader.tag)?;
                }
                reader.wire.write_all(&window)?;
                reader.wire.flush()?;
                reader.answer()?;
            }
            Ok(meter.stop(Done { count: job.count as u64, bytes: 0 }))
        }
        Task::Upload | Task::Append => {
            let mut reader = Reader::log_in(job, config)?;
            let messages: Vec<Vec<u8>> =
                (0..job.count).map(|number| mail::of_size(number, job.size)).collect();
            let meter = Meter::start();
            for batch in messages.chunks(BATCH) {
                reader.append(&job.mailbox, batch)?;
            }
            Ok(meter.stop(Done { count: job.count as u64, bytes: (job.count * job.size) as u64 }))
        }
    }
}

/// Fetches all messages, a share of them on each connection.
fn fetch(job: &Job, config: Option<&Arc<ClientConfig>>, items: &str) -> Result<Taken, Failed> {
    let mut readers = Vec::new();
    for _ in 0..job.connections {
        let mut reader = Reader::log_in(job, config)?;
        reader.command(&format!("EXAMINE {}", job.mailbox))?;
        readers.push(reader);
    }
    let share = job.count.div_ceil(job.connections);
    let meter = Meter::start();
    let mut bytes = 0;
    thread::scope(|scope| {
        let all: Vec<_> = readers
            .iter_mut()
            .enumerate()
            .map(|(at, reader)| {
                let (first, last) = (at * share + 1, job.count.min((at + 1) * share));
                scope.spawn(move || {
                    // A failure ends the run; its text is all that is of interest.
                    let read = reader.command(&format!("UID FETCH {first}:{last} {items}"));
                    read.map_err(|error| error.to_string())
                })
            })
            .collect();
        for one in all {
            bytes += one.join().map_err(|_| "a reader panicked")??;
        }
        Ok::<_, Failed>(())
    })?;
    Ok(meter.stop(Done { count: job.count as u64, bytes }))
}

struct Reader {
    wire: Wire,
    buffer: Vec<u8>,
    tag: u32,
}

impl Reader {
    fn log_in(job: &Job, config: Option<&Arc<ClientConfig>>) -> Result<Self, Failed> {
        let mut reader = Self { wire: Wire::open(&job.account, config)?, buffer: vec![0; BUFFER], tag: 0 };
        let greeted = reader.wire.read(&mut reader.buffer)?;
        if !reader.buffer[..greeted].starts_with(b"* OK") {
            return Err("no greeting".into());
        }
        // The only line that is longer than what is looked at: it tells the capabilities.
        reader
            .wire
            .write_all(format!("L LOGIN {} {}\r\n", job.account.user, job.account.password).as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n") || !contains(&answer, b"L OK ") {
            let len = reader.wire.read(&mut reader.buffer)?;
            if len == 0 || contains(&answer, b"L NO ") {
                return Err(format!("the server says {}", answer.escape_ascii()).into());
            }
            answer.extend_from_slice(&reader.buffer[..len]);
        }
        Ok(reader)
    }

    /// Gives the length of the answer.
    fn command(&mut self, command: &str) -> Result<u64, Failed> {
        self.tag += 1;
        let line = format!("A{} {command}\r\n", self.tag);
        self.wire.write_all(line.as_bytes())?;
        self.wire.flush()?;
        self.answer()
    }

    /// Sends messages in one command, each behind a literal that waits for nothing.
    fn append(&mut self, mailbox: &str, messages: &[Vec<u8>]) -> Result<(), Failed> {
        self.tag += 1;
        let mut out = std::mem::take(&mut self.buffer);
        out.clear();
        write!(out, "A{} APPEND {mailbox}", self.tag)?;
        for message in messages {
            write!(out, " {{{}+}}\r\n", message.len())?;
            for piece in message.chunks(BUFFER) {
                if out.len() + piece.len() > BUFFER {
                    self.wire.write_all(&out)?;
                    out.clear();
                }
                out.extend_from_slice(piece);
            }
        }
        out.extend_from_slice(b"\r\n");
        self.wire.write_all(&out)?;
        self.wire.flush()?;
        out.resize(BUFFER, 0);
        self.buffer = out;
        self.answer().map(drop)
    }

    /// Reads until the last command's tagged OK. Gives the number of bytes.
    fn answer(&mut self) -> Result<u64, Failed> {
        let ok = format!("A{} OK", self.tag);
        let (mut tail, mut kept, mut all) = ([0; TAIL], 0, 0);
        loop {
            let len = self.wire.read(&mut self.buffer)?;
            if len == 0 {
                return Err("the server closed the connection".into());
            }
            all += len as u64;
            let end = &self.buffer[len.saturating_sub(TAIL)..len];
            // A short read leaves something of the one before.
            let stays = kept.min(TAIL - end.len());
            tail.copy_within(kept - stays..kept, 0);
            tail[stays..stays + end.len()].copy_from_slice(end);
            kept = stays + end.len();
            let Some(lines) = tail[..kept].strip_suffix(b"\r\n") else { continue };
            let last = lines.iter().rposition(|byte| *byte == b'\n').map_or(lines, |at| &lines[at + 1..]);
            if last.starts_with(ok.as_bytes()) {
                return Ok(all);
            }
            if last.starts_with(&ok.as_bytes()[..ok.len() - 2]) {
                return Err(format!("the server says {}", last.escape_ascii()).into());
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
