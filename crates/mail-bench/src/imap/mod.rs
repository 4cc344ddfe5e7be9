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
mod ours;
mod reader;
mod sync_imap;
mod works;

use self::{
    job::{Contender, Job},
    works::{BODIES, LARGE, LIST, Work},
};
use crate::{
    child,
    contest::Contest,
    dovecot::Dovecot,
    extent::{Extent, is_wanted},
    failure::Failed,
    mail,
    report::{Report, Row},
};

pub(crate) use job::CHILD;

/// Measures the works that are named, or all of them.
pub(crate) fn run(only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
    let works = works::all(extent);
    let names: Vec<&str> = works.iter().map(|work| &*work.name).collect();
    let wanted = |name: &str| is_wanted(only, name, &names);
    let chosen = works.iter().filter(|work| wanted(&work.name)).cloned().collect();
    let mut rows = measure(chosen, Contender::Ours, extent)?;
    rows.extend(link::measure(wanted, extent)?);
    Ok(Report { name: "imap", rows })
}

/// Measures the client for threads against the one for tasks, both ours.
pub(crate) fn run_blocking(only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
    let mut works = works::blocking(extent);
    works.retain(|work| only.is_empty() || only.iter().any(|only| work.name.starts_with(only)));
    let rows = measure(works, Contender::Blocking, extent)?;
    Ok(Report { name: "blocking", rows })
}

/// Measures works, for one contender above all.
fn measure(works: Vec<Work>, ours: Contender, extent: Extent<'_>) -> Result<Vec<Row>, Failed> {
    if works.is_empty() {
        return Ok(Vec::new());
    }
    let appends = works.iter().filter(|work| work.needs_fresh_user());
    let fresh_users: usize = appends.map(|work| work.contenders.len() * (extent.runs + 1)).sum();
    let mut fresh = (0..fresh_users).map(|number| format!("fresh{number}"));
    let dovecot = Dovecot::start(fresh.clone())?;
    fill(&dovecot, &works)?;
    let mut rows = Vec::new();
    for work in &works {
        let contest =
            Contest { work: &work.name, ours, contenders: work.contenders, reach: work.reach, extent };
        rows.extend(contest.hold(|contender| {
            let fresh = if work.needs_fresh_user() { fresh.next() } else { None };
            let job = Job {
                task: work.task,
                contender,
                account: dovecot.account(
                    if work.tls { "imaps" } else { "imap" },
                    fresh.as_deref().unwrap_or_else(|| dovecot.user()),
                ),
                mailbox: work.mailbox.to_owned(),
                count: work.count,
                size: work.size,
                connections: work.connections,
                tasks: work.tasks,
            };
            work.check(contender, job.run()?)
        })?);
    }
    Ok(rows)
}

/// Puts the mail there that is fetched.
fn fill(dovecot: &Dovecot, works: &[Work]) -> Result<(), Failed> {
    let most = |mailbox: &str, of: fn(&Work) -> usize| {
        works.iter().filter(|work| work.mailbox == mailbox).map(of).max().unwrap_or(0)
    };
    let user = dovecot.user();
    let list = most(LIST, |work| work.count);
    if list > 0 {
        dovecot.fill(user, LIST, (0..list).map(mail::to_list))?;
    }
    let bodies = most(BODIES, |work| work.count);
    if bodies > 0 {
        dovecot.fill(user, BODIES, (0..bodies).map(mail::body))?;
    }
    let large = most(LARGE, |work| work.size);
    if large > 0 {
        dovecot.fill(user, LARGE, std::iter::once(mail::of_size(0, large)))?;
    }
    Ok(())
}

/// Does the job on standard input, and writes what it took.
pub(crate) fn child() -> Result<(), Failed> {
    let job = child::job(Job::from_json)?;
    let taken = match job.contender {
        Contender::Ours | Contender::OursMain | Contender::OursRoot | Contender::OursScram => ours::run(job)?,
        Contender::Blocking => blocking::run(&job)?,
        Contender::AsyncImap => async_imap::run(job)?,
        Contender::SyncImap => sync_imap::run(&job)?,
        Contender::ImapNext => imap_next::run(job)?,
        Contender::Reader => reader::run(&job)?,
    };
    println!("{}", taken.to_json());
    Ok(())
}
