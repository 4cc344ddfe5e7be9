//! The floor: a raw socket that reads into one buffer, and looks for the end of each message and nothing else.

use std::io::{Read, Write};

use memchr::memmem::Finder;

use super::job::Job;
use crate::{
    failure::Failed,
    meter::{Done, Meter, Taken},
    wire::Wire,
};

const BUFFER: usize = 256 << 10;

/// How many messages are asked for ahead, as ours does.
const AHEAD: usize = 64;

const END: &[u8] = b"\r\n.\r\n";

/// What of the read before may be the beginning of an end.
const CARRIED: usize = END.len() - 1;

pub(super) fn ahead(job: &Job) -> Result<Taken, Failed> {
    run(job, AHEAD)
}

pub(super) fn one_by_one(job: &Job) -> Result<Taken, Failed> {
    run(job, 1)
}

fn run(job: &Job, ahead: usize) -> Result<Taken, Failed> {
    let config = job.account.client_config()?;
    let mut wire = Wire::open(&job.account, config.as_ref())?;
    let mut buffer = vec![0; CARRIED + BUFFER];
    for line in ["", &format!("USER {}\r\n", job.account.user), &format!("PASS {}\r\n", job.account.password)]
    {
        wire.write_all(line.as_bytes())?;
        wire.flush()?;
        let len = wire.read(&mut buffer)?;
        if !buffer[..len].starts_with(b"+OK") {
            return Err(format!("the server says {}", buffer[..len].escape_ascii()).into());
        }
    }
    let end = Finder::new(END);
    let meter = Meter::start();
    let (mut asked, mut come, mut bytes) = (0, 0, 0);
    let mut commands = Vec::new();
    while come < job.count {
        if asked < job.count && asked - come <= ahead / 2 {
            commands.clear();
            while asked < job.count && asked - come < ahead {
                asked += 1;
                write!(commands, "RETR {asked}\r\n")?;
            }
            wire.write_all(&commands)?;
            wire.flush()?;
        }
        let len = wire.read(&mut buffer[CARRIED..])?;
        if len == 0 {
            return Err("the server closed the connection".into());
        }
        bytes += len as u64;
        // Nothing that is found before is found again: what is carried is shorter than an end.
        come += end.find_iter(&buffer[..CARRIED + len]).count();
        buffer.copy_within(len..CARRIED + len, 0);
    }
    Ok(meter.stop(Done { count: come as u64, bytes }))
}
