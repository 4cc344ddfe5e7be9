//! How measurements are written down: a table for people, one JSON object on the last line for programs.

use serde_json::{Map, Value, json};

/// The rows of one measurement.
pub(crate) struct Report {
    pub name: &'static str,
    pub rows: Vec<Row>,
}

/// One piece of work, measured in one way.
pub(crate) struct Row {
    pub work: &'static str,
    /// What was measured: `wall`, `rate`, `p99`, `fairness`, …
    pub metric: &'static str,
    pub unit: &'static str,
    /// `more` or `less`.
    pub better: &'static str,
    pub ours: Samples,
    pub rivals: Vec<(&'static str, Samples)>,
    pub floor: Option<Samples>,
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
            print!("{:16} {:9} {:10} ours {:>12}", row.work, row.metric, row.unit, figure(ours));
            let others = row.rivals.iter().map(|(name, samples)| (*name, samples));
            for (name, samples) in others.chain(row.floor.as_ref().map(|samples| ("floor", samples))) {
                let theirs = samples.best(row.better);
                print!("   {name} {:>12} (ours {:.2} ×)", figure(theirs), ours / theirs);
            }
            println!("   spread {:.0} %", row.ours.spread(row.better) * 100.0);
        }
        if json {
            println!(
                "{}",
                json!({ "bench": self.name, "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>() })
            );
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
            work: self.work,
            metric,
            unit,
            better,
            ours: converted(&self.ours),
            rivals: self.rivals.iter().map(|(name, samples)| (*name, converted(samples))).collect(),
            floor: self.floor.as_ref().map(converted),
        }
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
            "runs": self.ours.0.len(),
            "spread": self.ours.spread(self.better),
        })
    }
}

fn figure(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
