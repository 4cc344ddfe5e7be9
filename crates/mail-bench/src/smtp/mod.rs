//! An SMTP client at work: mail-client against lettre's pool and raw sockets, at the embedded server and at Postfix.
//!
//! Each run of each contender is a process of its own, whose processor time and memory are measured from before it
//! connects. Runs are interleaved. The embedded server is a new one for each, in this process.

mod job;
mod lettre;
mod ours;
mod works;
mod writer;

use std::{io::Write, time::Duration};

use mail_testkit::{Endpoint, Server};
use system_tests::servers::postfix;
use tempfile::NamedTempFile;

use self::{
    job::{Contender, Job},
    works::{Place, Work},
};
use crate::{
    account::Account,
    child,
    contest::Contest,
    extent::{Extent, is_wanted},
    failure::Failed,
    report::{Report, Row},
    runtime,
};

pub(crate) use job::CHILD;

/// Measures the works that are named, or all of them.
pub(crate) fn run(only: &[&str], extent: Extent<'_>) -> Result<Report, Failed> {
    let mut works = works::all(extent);
    let names: Vec<_> = works.iter().map(|work| work.name).collect();
    works.retain(|work| is_wanted(only, work.name, &names));
    let runtime = runtime::new()?;
    let mut rows = Vec::new();
    for work in &works {
        match work.to {
            Place::Embedded(far) => {
                rows.extend(measure(work, extent, || runtime.block_on(embedded(work.tls, far)))?);
            }
            // It can't run everywhere.
            Place::Postfix => match postfix::start(&postfix::Options::default()) {
                Ok(server) => {
                    let info = server.info();
                    let account = Account {
                        port: info.ports[if work.tls { "smtps" } else { "smtp" }],
                        ca_file: work.tls.then(|| info.ca_file.clone()),
                        user: info.user.clone(),
                        password: info.password.clone(),
                    };
                    rows.extend(measure(work, extent, || Ok((account.clone(), ())))?);
                }
                Err(error) => eprintln!("{}: {error}", work.name),
            },
        }
    }
    Ok(Report { name: "smtp", rows })
}

/// A new embedded server, and what has to be kept as long as it is used.
async fn embedded(tls: bool, far: Duration) -> Result<(Account, (Server, NamedTempFile)), Failed> {
    let (user, password) = ("tester", "secret");
    let server = Server::builder().user(user, password).latency(far).start().await?;
    let mut ca_file = NamedTempFile::new()?;
    ca_file.write_all(server.ca_pem().as_bytes())?;
    let account = Account {
        port: server.address(if tls { Endpoint::SmtpTls } else { Endpoint::SmtpPlain }).port(),
        ca_file: tls.then(|| ca_file.path().to_owned()),
        user: user.to_owned(),
        password: password.to_owned(),
    };
    Ok((account, (server, ca_file)))
}

/// Measures a work at the server that `serve` gives for each run, and how many messages go in a second.
fn measure<S>(
    work: &Work,
    extent: Extent<'_>,
    serve: impl Fn() -> Result<(Account, S), Failed>,
) -> Result<Vec<Row>, Failed> {
    let contest = Contest {
        work: work.name,
        ours: Contender::Ours,
        contenders: work.contenders,
        reach: work.reach,
        extent: Extent { runs: extent.runs.min(work.runs), ..extent },
    };
    let mut rows = contest.hold(|contender| {
        let (account, _server) = serve()?;
        let (count, size, connections) = (work.count, work.size, work.connections);
        work.check(Job { contender, account, count, size, connections }.run()?)
    })?;
    let walls = rows.iter().filter(|row| row.metric == "wall");
    let rates: Vec<_> =
        walls.map(|row| row.converted("rate", "/s", "more", |ms| work.count as f64 / ms * 1e3)).collect();
    rows.extend(rates);
    Ok(rows)
}

/// Does the job on standard input, and writes what it took.
pub(crate) fn child() -> Result<(), Failed> {
    let job = child::job(Job::from_json)?;
    let taken = match job.contender {
        Contender::Ours => ours::run(job)?,
        Contender::OursBlocking => ours::run_blocking(&job)?,
        Contender::Lettre => lettre::run(job)?,
        Contender::Writer => writer::run(&job)?,
    };
    println!("{}", taken.to_json());
    Ok(())
}
