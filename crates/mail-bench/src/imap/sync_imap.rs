//! imap, which blocks.

use std::sync::Arc;

use imap::{Client, Session};
use rustls::ClientConfig;

use super::job::{Job, Task};
use crate::{
    failure::Failed,
    mail,
    meter::{Done, Meter, Taken},
    walk::proto_016::{of_envelope, of_structure},
    wire::Wire,
};

pub(super) fn run(job: &Job) -> Result<Taken, Failed> {
    let config = job.account.client_config()?;
    let config = config.as_ref();
    let done = Done { count: job.count as u64, bytes: 0 };
    if job.task == Task::Connect {
        let meter = Meter::start();
        for _ in 0..job.count {
            let mut session = log_in(job, config)?;
            session.select(&job.mailbox)?;
            session.logout()?;
        }
        return Ok(meter.stop(done));
    }
    let mut session = log_in(job, config)?;
    match job.task {
        Task::List => {
            session.examine(&job.mailbox)?;
            let meter = Meter::start();
            let mut done = Done::default();
            let messages = session.uid_fetch("1:*", "(UID FLAGS ENVELOPE BODYSTRUCTURE)")?;
            for message in messages.iter() {
                let bytes = message.flags().len() as u64
                    + message.envelope().map_or(0, of_envelope)
                    + message.bodystructure().map_or(0, of_structure);
                done += Done { count: 1, bytes };
            }
            Ok(meter.stop(done))
        }
        Task::Bodies => {
            session.examine(&job.mailbox)?;
            let meter = Meter::start();
            let mut done = Done::default();
            // It gathers whole answers, so that it is asked for as many at a time as ours asks for.
            for first in (1..=job.count).step_by(64) {
                let last = job.count.min(first + 63);
                let messages = session.uid_fetch(format!("{first}:{last}"), "(UID BODY.PEEK[])")?;
                for message in messages.iter() {
                    done += Done { count: 1, bytes: message.body().map_or(0, <[u8]>::len) as u64 };
                }
            }
            Ok(meter.stop(done))
        }
        Task::Noop => {
            session.select(&job.mailbox)?;
            let meter = Meter::start();
            for _ in 0..job.count {
                session.noop()?;
            }
            Ok(meter.stop(done))
        }
        Task::Upload | Task::Append => {
            let messages: Vec<Vec<u8>> =
                (0..job.count).map(|number| mail::of_size(number, job.size)).collect();
            let meter = Meter::start();
            for message in &messages {
                session.append(&job.mailbox, message).finish()?;
            }
            Ok(meter.stop(Done { bytes: (job.count * job.size) as u64, ..done }))
        }
        Task::Connect => Err("connects as it logs in".into()),
    }
}

fn log_in(job: &Job, config: Option<&Arc<ClientConfig>>) -> Result<Session<Wire>, Failed> {
    let mut client = Client::new(Wire::open(&job.account, config)?);
    client.read_greeting()?;
    client.login(&job.account.user, &job.account.password).map_err(|(error, _)| error.into())
}
