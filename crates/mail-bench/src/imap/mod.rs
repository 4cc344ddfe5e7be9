//! An IMAP client at work: mail-client against async-imap, imap, imap-next, and a raw socket, all on the same
//! Dovecot; and over a slow link against itself.
//!
//! Each run of each contender is a process of its own, whose processor time and memory are measured from the login
//! on. Runs are interleaved.

mod async_imap;
mod blocking;
mod imap_next;
mod job;
mod link;
mod mail;
mod meter;
mod ours;
mod reader;
mod runtime;
mod server;
mod sync_imap;
mod wire;
mod works;

use crate::report::{Reach, Report, Row, Samples};
use job::{Contender, Job};
use meter::Taken;
use server::{Dovecot, Filling};
use works::Work;

pub(crate) use job::{CHILD, child};

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent<'a> {
    /// How much of the work is done, 1 or less.
    pub scale: f64,
    /// How often.
    pub runs: usize,
    /// Those whose part is measured, with commas between them, for a look with a profiler; all of them if None.
    pub contenders: Option<&'a str>,
}

/// Measures the works that are named, or all of them.
pub(crate) fn run(only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
    let works = works::all(extent.scale);
    let is_one = |only: &str| works.iter().any(|work| work.name == only);
    // `list` is one of them, `bodies` the beginning of several.
    let fits = |only: &str, name: &str| if is_one(only) { name == only } else { name.starts_with(only) };
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| fits(only, name));
    let chosen = works.iter().filter(|work| wanted(&work.name)).cloned().collect();
    let mut rows = measure(chosen, Contender::Ours, extent)?;
    rows.extend(link::measure(wanted, extent)?);
    Ok(Report { name: "imap", rows })
}

/// Measures the client for threads against the one for tasks, both ours.
pub(crate) fn run_blocking(only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
    let mut works = works::blocking(extent.scale);
    works.retain(|work| only.is_empty() || only.iter().any(|only| work.name.starts_with(only)));
    let rows = measure(works, Contender::Blocking, extent)?;
    Ok(Report { name: "blocking", rows })
}

/// Measures works, for one contender above all.
fn measure(works: Vec<Work>, ours: Contender, extent: Extent<'_>) -> Result<Vec<Row>, Failed> {
    if works.is_empty() {
        return Ok(Vec::new());
    }
    let dovecot = Dovecot::start(filling(&works, extent))?;
    let (mut rows, mut fresh) = (Vec::new(), 0);
    for work in &works {
        rows.extend(measure_one(work, ours, &dovecot, extent, &mut fresh)?);
    }
    Ok(rows)
}

fn filling(works: &[Work], extent: Extent<'_>) -> Filling {
    let most = |mailbox: &str, of: fn(&Work) -> usize| {
        works.iter().filter(|work| work.mailbox == mailbox).map(of).max().unwrap_or(0)
    };
    let appends = works.iter().filter(|work| work.needs_fresh_user());
    Filling {
        list: most(server::LIST, |work| work.count),
        bodies: most(server::BODIES, |work| work.count),
        large: most(server::LARGE, |work| work.size),
        fresh_users: appends.map(|work| work.contenders.len() * (extent.runs + 1)).sum(),
    }
}

/// Measures one piece of work, all contenders in turn.
fn measure_one(
    work: &Work,
    ours: Contender,
    dovecot: &Dovecot,
    extent: Extent<'_>,
    fresh: &mut usize,
) -> Result<Vec<Row>, Failed> {
    let info = dovecot.server.info();
    let mut all: Vec<(Contender, Vec<Taken>)> = work
        .contenders
        .iter()
        .filter(|one| extent.contenders.is_none_or(|only| only.split(',').any(|only| one.name() == only)))
        .map(|one| (*one, Vec::new()))
        .collect();
    // The first run fills the server's caches, and is forgotten.
    for run in 0..=extent.runs {
        for (contender, taken) in &mut all {
            let job = Job {
                task: work.task,
                contender: *contender,
                port: info.ports[if work.tls { "imaps" } else { "imap" }],
                ca_file: work.tls.then(|| info.ca_file.clone()),
                user: if work.needs_fresh_user() {
                    *fresh += 1;
                    server::fresh_user(*fresh - 1)
                } else {
                    info.user.clone()
                },
                password: info.password.clone(),
                mailbox: work.mailbox.to_owned(),
                count: work.count,
                size: work.size,
                connections: work.connections,
                tasks: work.tasks,
            };
            // One that fails is left out; ours mustn't.
            match job.run() {
                Ok(done) => {
                    work.check(*contender, done.done)?;
                    if run > 0 {
                        taken.push(done);
                    }
                }
                Err(error) if *contender == ours => return Err(error),
                Err(error) => eprintln!("{}: {error}", work.name),
            }
        }
    }
    Ok(rows(work, ours, &all, extent))
}

/// How a metric is told: its name, its unit, and where it is found.
type Metric = (&'static str, &'static str, fn(&Taken) -> f64);

const METRICS: [Metric; 3] = [
    ("wall", "ms", |taken| taken.wall * 1e3),
    ("cpu", "ms", |taken| taken.cpu * 1e3),
    ("rss", "MiB", |taken| taken.rss),
];

/// A row for each metric, and one for each other way in which ours was used.
fn rows(work: &Work, main: Contender, all: &[(Contender, Vec<Taken>)], extent: Extent<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let variants = all.iter().filter(|(one, _)| *one == main || one.is_variant());
    for (ours, taken) in variants {
        for (metric, unit, of) in METRICS {
            let samples = |taken: &[Taken]| Samples(taken.iter().map(of).collect());
            let others =
                all.iter().filter(|(one, taken)| !one.is_variant() && *one != main && !taken.is_empty());
            let (floor, rivals): (Vec<_>, Vec<_>) = others.partition(|(one, _)| *one == Contender::Reader);
            let name =
                if *ours == main { work.name.clone() } else { format!("{}-{}", work.name, ours.name()) };
            rows.push(Row {
                work: name.into(),
                metric,
                unit,
                better: "less",
                ours: samples(taken),
                rivals: rivals.iter().map(|(one, taken)| (one.as_rival(), samples(taken))).collect(),
                floor: floor.first().map(|(_, taken)| samples(taken)),
                reach: if *ours == main { work.reach(metric) } else { Vec::<Reach>::new() },
                scale: extent.scale,
            });
        }
    }
    rows
}
