//! A POP3 client at work: mail-client against async-pop, Python's poplib, and a raw socket, all on the same Dovecot.
//!
//! Each run of each contender is a process of its own, whose processor time and memory are measured from the login
//! on. Runs are interleaved.

mod async_pop;
mod job;
mod ours;
mod reader;
mod works;

use self::{
    job::{Contender, Job},
    works::{BODIES, LARGE},
};
use crate::{
    child,
    contest::Contest,
    dovecot::{Dovecot, INBOX},
    extent::{Extent, is_wanted},
    failure::Failed,
    mail,
    report::Report,
};

pub(crate) use job::CHILD;

/// Measures the works that are named, or all of them.
pub(crate) fn run(only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
    let mut works = works::all(extent);
    let names: Vec<_> = works.iter().map(|work| work.name).collect();
    works.retain(|work| is_wanted(only, work.name, &names));
    let mut rows = Vec::new();
    if !works.is_empty() {
        let dovecot = Dovecot::start([BODIES, LARGE].map(str::to_owned))?;
        if let Some(work) = works.iter().find(|work| work.user == BODIES) {
            dovecot.fill(BODIES, INBOX, (0..work.count).map(mail::body))?;
        }
        if let Some(work) = works.iter().find(|work| work.user == LARGE) {
            dovecot.fill(LARGE, INBOX, std::iter::once(mail::of_size(0, work.size)))?;
        }
        for work in &works {
            let contest = Contest {
                work: work.name,
                ours: Contender::Ours,
                contenders: work.contenders,
                reach: work.reach,
                extent,
            };
            let account = dovecot.account(if work.tls { "pop3s" } else { "pop3" }, work.user);
            rows.extend(contest.hold(|contender| {
                let job = Job { contender, account: account.clone(), count: work.count };
                work.check(contender, job.run()?)
            })?);
        }
    }
    Ok(Report { name: "pop3", rows })
}

/// Does the job on standard input, and writes what it took.
pub(crate) fn child() -> Result<(), Failed> {
    let job = child::job(Job::from_json)?;
    let taken = match job.contender {
        Contender::Ours => ours::by_name(job)?,
        Contender::OursSession => ours::in_a_session(job)?,
        Contender::OursBlocking => ours::on_a_thread(&job)?,
        Contender::AsyncPop => async_pop::run(job)?,
        Contender::OneByOne => reader::one_by_one(&job)?,
        Contender::Reader => reader::ahead(&job)?,
        Contender::Poplib => return Err("is a program of its own".into()),
    };
    println!("{}", taken.to_json());
    Ok(())
}
