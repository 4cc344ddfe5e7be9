//! Over a slow link, which the embedded server makes: ours with its queue and its connections, against ours one at a
//! time. The floor is the raw socket, with as many connections or as much in a window.

use std::time::Duration;

use mail_testkit::{Endpoint, Server};

use super::job::{Contender, Job, Task};
use crate::{
    account::Account,
    extent::Extent,
    failure::Failed,
    mail,
    report::{Reach, Row, Samples},
    runtime,
};

const ROUND_TRIP: Duration = Duration::from_millis(20);
const BANDWIDTH: u64 = 4_000_000;

/// Over the slow link so many commands stand for all.
const ONE_AT_A_TIME: usize = 500;

/// Runs of each: the link decides, not the machine.
const RUNS: usize = 3;

/// What is measured: its name, what is done, and how well and how badly.
struct Way {
    name: &'static str,
    task: Task,
    mailbox: &'static str,
    bandwidth: u64,
    /// Commands or messages, connections, tasks.
    ours: (usize, usize, usize),
    other: (usize, usize, usize),
    rival: &'static str,
    times: f64,
}

pub(super) fn measure(wanted: impl Fn(&str) -> bool, extent: Extent<'_>) -> Result<Vec<Row>, Failed> {
    let scaled = |count| extent.scaled(count);
    let bodies = scaled(1_000);
    let ways = [
        Way {
            name: "link-64-noop",
            task: Task::Noop,
            mailbox: "INBOX",
            bandwidth: 0,
            ours: (scaled(10_000), 1, 64),
            other: (scaled(ONE_AT_A_TIME), 1, 1),
            rival: "one-by-one",
            times: 50.0,
        },
        Way {
            name: "link-8-bodies",
            task: Task::Bodies,
            mailbox: "bodies",
            bandwidth: BANDWIDTH,
            ours: (bodies, 8, 1),
            other: (bodies, 1, 1),
            rival: "1-connection",
            times: 7.0,
        },
    ];
    let mut rows = Vec::new();
    for way in ways.iter().filter(|way| wanted(way.name)) {
        let runtime = runtime::new()?;
        let messages = if way.task == Task::Bodies { bodies } else { 0 };
        let server = runtime.block_on(
            Server::builder()
                .user("kim", "secret")
                .messages("bodies", (0..messages).map(mail::body))
                .latency(ROUND_TRIP)
                .bandwidth(way.bandwidth)
                .start(),
        )?;
        let run = |contender: Contender, (count, connections, tasks): (usize, usize, usize)| {
            let job = Job {
                task: way.task,
                contender,
                account: Account {
                    port: server.address(Endpoint::ImapPlain).port(),
                    ca_file: None,
                    user: "kim".to_owned(),
                    password: "secret".to_owned(),
                },
                mailbox: way.mailbox.to_owned(),
                count,
                size: 0,
                connections,
                tasks,
            };
            let taken = job.run()?;
            if taken.done.count != count as u64 {
                return Err(Failed::from(format!("{}: {:?} of {count}", way.name, taken.done)));
            }
            // For all that ours does.
            Ok(taken.wall * way.ours.0 as f64 / count as f64)
        };
        let [mut ours, mut other, mut floor] = [const { Samples(Vec::new()) }; 3];
        for _ in 0..RUNS.min(extent.runs) {
            ours.push(run(Contender::Ours, way.ours)?);
            other.push(run(Contender::Ours, way.other)?);
            floor.push(run(Contender::Reader, way.ours)?);
        }
        rows.push(Row {
            work: way.name.into(),
            metric: "wall",
            unit: "s",
            better: "less",
            ours,
            rivals: vec![(way.rival, other)],
            floor: Some(floor),
            reach: vec![Reach::Times(way.rival, 1.0 / way.times)],
            scale: extent.scale,
        });
    }
    Ok(rows)
}
