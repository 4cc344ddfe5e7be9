//! Contenders at the same work, in turn, and the rows that come of it.

use crate::{
    extent::Extent,
    failure::Failed,
    meter::Taken,
    report::{Reach, Row, Samples},
};

/// Who does a piece of work.
pub(crate) trait Contender: Copy + PartialEq {
    /// As rows name it.
    fn name(self) -> &'static str;

    /// As rows name it beside another that is ours.
    fn as_rival(self) -> &'static str {
        self.name()
    }

    /// Whether it is ours, used in another way: it has rows of its own.
    fn is_variant(self) -> bool;

    /// Whether it is the least that the work can take.
    fn is_floor(self) -> bool;
}

/// A piece of work that several contenders do.
pub(crate) struct Contest<'a, C> {
    pub(crate) work: &'a str,
    /// The one that the rows are of.
    pub(crate) ours: C,
    pub(crate) contenders: &'a [C],
    /// What ours is to reach, by metric.
    pub(crate) reach: &'a [(&'static str, Reach)],
    pub(crate) extent: Extent<'a>,
}

/// A rival that takes so long isn't told better by being measured often: once it is, and its first run counts.
const SLOW: f64 = 10.0;

/// How a metric is told: its name, its unit, and where it is found.
type Metric = (&'static str, &'static str, fn(&Taken) -> f64);

const METRICS: [Metric; 3] = [
    ("wall", "ms", |taken| taken.wall * 1e3),
    ("cpu", "ms", |taken| taken.cpu * 1e3),
    ("rss", "MiB", |taken| taken.rss),
];

impl<C: Contender> Contest<'_, C> {
    /// Has each contender do it in turn, as often as is told. `run` fails where not all of it was done.
    pub(crate) fn hold(&self, mut run: impl FnMut(C) -> Result<Taken, Failed>) -> Result<Vec<Row>, Failed> {
        let mut all: Vec<(C, Vec<Taken>)> = self
            .contenders
            .iter()
            .filter(|one| self.extent.has(one.name()))
            .map(|one| (*one, Vec::new()))
            .collect();
        // The first run fills the server's caches, and is forgotten.
        for round in 0..=self.extent.runs {
            for (contender, taken) in &mut all {
                let counts_at_once = |done: &Taken| done.wall > SLOW && *contender != self.ours;
                if taken.first().is_some_and(counts_at_once) {
                    continue;
                }
                // One that fails is left out; ours mustn't.
                match run(*contender) {
                    Ok(done) if round > 0 || counts_at_once(&done) => taken.push(done),
                    Ok(_) => {}
                    Err(error) => {
                        let error = format!("{}: {}: {error}", self.work, contender.name());
                        if *contender == self.ours {
                            return Err(error.into());
                        }
                        eprintln!("{error}");
                    }
                }
            }
        }
        Ok(self.rows(&all))
    }

    /// A row for each metric, and one for each other way in which ours was used.
    fn rows(&self, all: &[(C, Vec<Taken>)]) -> Vec<Row> {
        let mut rows = Vec::new();
        let variants = all.iter().filter(|(one, _)| *one == self.ours || one.is_variant());
        for (ours, taken) in variants {
            for (metric, unit, of) in METRICS {
                let samples = |taken: &[Taken]| Samples(taken.iter().map(of).collect());
                let others = all
                    .iter()
                    .filter(|(one, taken)| !one.is_variant() && *one != self.ours && !taken.is_empty());
                let (floor, rivals): (Vec<_>, Vec<_>) = others.partition(|(one, _)| one.is_floor());
                let name = if *ours == self.ours {
                    self.work.to_owned()
                } else {
                    format!("{}-{}", self.work, ours.name())
                };
                rows.push(Row {
                    work: name.into(),
                    metric,
                    unit,
                    better: "less",
                    ours: samples(taken),
                    rivals: rivals.iter().map(|(one, taken)| (one.as_rival(), samples(taken))).collect(),
                    floor: floor.first().map(|(_, taken)| samples(taken)),
                    reach: if *ours == self.ours { self.reach_of(metric) } else { Vec::new() },
                    scale: self.extent.scale,
                });
            }
        }
        rows
    }

    fn reach_of(&self, metric: &str) -> Vec<Reach> {
        let of_metric = self.reach.iter().filter(|(of, _)| *of == metric);
        of_metric.map(|(_, reach)| *reach).collect()
    }
}
