//! How much is measured.

/// Of the work and of its repetitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent<'a> {
    /// How much of the work is done, 1 or less.
    pub scale: f64,
    /// How often.
    pub runs: usize,
    /// Those whose part is measured, with commas between them, for a look with a profiler; all of them if None.
    pub contenders: Option<&'a str>,
}

impl Extent<'_> {
    /// This share of so many, at least one.
    pub(crate) fn scaled(&self, count: usize) -> usize {
        ((count as f64 * self.scale).round() as usize).max(1)
    }

    /// Whether this one takes part.
    pub(crate) fn has(&self, contender: &str) -> bool {
        self.contenders.is_none_or(|only| only.split(',').any(|only| only == contender))
    }
}

/// Whether a piece of work is among those that were named. A name is that of one, or the beginning of several.
pub(crate) fn is_wanted(only: &[&str], name: &str, all: &[&str]) -> bool {
    let fits = |only: &str| if all.contains(&only) { name == only } else { name.starts_with(only) };
    only.is_empty() || only.iter().any(|only| fits(only))
}
