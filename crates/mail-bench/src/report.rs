//! How measurements are written down: a table for people, one JSON object on the last line for programs.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// The rows of one measurement.
pub(crate) struct Report {
    pub name: &'static str,
    pub rows: Vec<Row>,
}

/// One piece of work, measured in one way.
pub(crate) struct Row {
    pub work: Cow<'static, str>,
    /// What was measured: `wall`, `rate`, `p99`, `fairness`, …
    pub metric: &'static str,
    pub unit: &'static str,
    /// `more` or `less`.
    pub better: &'static str,
    pub ours: Samples,
    pub rivals: Vec<(&'static str, Samples)>,
    pub floor: Option<Samples>,
    /// What ours is to reach.
    pub reach: Vec<Reach>,
    /// How much of the work was done: less than 1 for a quick look.
    pub scale: f64,
}

/// How much ours may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// So many times what this one takes: `floor`, or a rival's name.
    Times(&'static str, f64),
    /// So much.
    AtMost(f64),
}

/// The same thing measured several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(pub Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    fn best(&self, better: &str) -> f64 {
        let of = if better == "more" { f64::max } else { f64::min };
        self.0.iter().copied().reduce(of).unwrap_or(f64::NAN)
    }

    /// How far the samples lie apart, as a share of the best.
    fn spread(&self, better: &str) -> f64 {
        let most = self.0.iter().copied().fold(f64::MIN, f64::max);
        let least = self.0.iter().copied().fold(f64::MAX, f64::min);
        (most - least) / self.best(better)
    }
}

impl Report {
    pub(crate) fn print(&self, json: bool) {
        for row in &self.rows {
            let ours = row.ours.best(row.better);
            print!("{:20} {:9} {:10} ours {:>12}", row.work, row.metric, row.unit, figure(ours));
            let others = row.rivals.iter().map(|(name, samples)| (*name, samples));
            for (name, samples) in others.chain(row.floor.as_ref().map(|samples| ("floor", samples))) {
                let theirs = samples.best(row.better);
                print!("   {name} {:>12} (ours {:.2} ×)", figure(theirs), ours / theirs);
            }
            print!("   spread {:.0} %", row.ours.spread(row.better) * 100.0);
            for reach in &row.reach {
                let word = if reach.is_kept(row) { "kept" } else { "MISSED" };
                match reach {
                    Reach::Times(than, most) => print!("   ≤ {most:.2} × {than}: {word}"),
                    Reach::AtMost(most) => print!("   ≤ {most} {}: {word}", row.unit),
                }
            }
            if row.scale < 1.0 {
                print!("   at {} of the work", row.scale);
            }
            println!();
        }
        if json {
            println!(
                "{}",
                json!({ "bench": self.name, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>() })
            );
        }
    }
}

impl Reach {
    /// Whether ours takes no more. Without the other's figure it isn't known to.
    fn is_kept(self, row: &Row) -> bool {
        let ours = row.ours.best(row.better);
        match self {
            Self::AtMost(most) => ours <= most,
            Self::Times(than, most) => row.of(than).is_some_and(|theirs| ours <= most * theirs),
        }
    }

    fn json(self, row: &Row) -> Value {
        let kept = self.is_kept(row);
        match self {
            Self::Times(than, most) => json!({ "than": than, "times": most, "kept": kept }),
            Self::AtMost(most) => json!({ "at_most": most, "kept": kept }),
        }
    }
}

impl Row {
    /// The same samples told in another way.
    pub(crate) fn converted(
        &self,
        metric: &'static str,
        unit: &'static str,
        better: &'static str,
        figure: impl Fn(f64) -> f64,
    ) -> Self {
        let converted = |samples: &Samples| Samples(samples.0.iter().map(|sample| figure(*sample)).collect());
        Self {
            work: self.work.clone(),
            metric,
            unit,
            better,
            ours: converted(&self.ours),
            rivals: self.rivals.iter().map(|(name, samples)| (*name, converted(samples))).collect(),
            floor: self.floor.as_ref().map(converted),
            reach: Vec::new(),
            scale: self.scale,
        }
    }

    /// The figure of the floor or a rival.
    fn of(&self, name: &str) -> Option<f64> {
        let rival = || self.rivals.iter().find(|(rival, _)| *rival == name).map(|(_, samples)| samples);
        let samples = if name == "floor" { self.floor.as_ref() } else { rival() };
        samples.map(|samples| samples.best(self.better))
    }

    fn json(&self) -> Value {
        let rivals: Map<String, Value> = self
            .rivals
            .iter()
            .map(|(name, samples)| ((*name).to_owned(), json!(samples.best(self.better))))
            .collect();
        json!({
            "work": self.work,
            "metric": self.metric,
            "unit": self.unit,
            "better": self.better,
            "ours": self.ours.best(self.better),
            "rivals": rivals,
            "floor": self.floor.as_ref().map(|samples| samples.best(self.better)),
            "reach": self.reach.iter().map(|reach| reach.json(self)).collect::<Vec<_>>(),
            "scale": self.scale,
            "runs": self.ours.0.len(),
            "spread": self.ours.spread(self.better),
        })
    }
}

fn figure(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
