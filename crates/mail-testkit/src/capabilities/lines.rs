//! Capabilities as lines: a name, and what stands behind it.

/// The lines of one server, in their order. Names are the same in any case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Vec<String>);

impl Lines {
    /// One more, in place of one with the same name.
    pub(crate) fn add(&mut self, line: String) {
        match self.0.iter_mut().find(|known| is(known, name(&line))) {
            Some(known) => *known = line,
            None => self.0.push(line),
        }
    }

    /// One less.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|known| !is(known, name));
    }

    /// These words alone behind a name; without any the line goes.
    pub(crate) fn set_words(&mut self, name: &str, words: &[String]) {
        if words.is_empty() {
            self.remove(name);
        } else {
            self.add(format!("{name} {}", words.join(" ")));
        }
    }

    /// What stands behind a name; empty if nothing does, none if it isn't there.
    pub(crate) fn value(&self, wanted: &str) -> Option<&str> {
        let line = self.0.iter().find(|line| is(line, wanted))?;
        Some(line[name(line).len()..].trim_start())
    }

    /// Whether a word stands behind a name.
    pub(crate) fn has_word(&self, name: &str, word: &str) -> bool {
        self.value(name).unwrap_or_default().split(' ').any(|known| known.eq_ignore_ascii_case(word))
    }

    /// The lines whose names are wanted.
    pub(crate) fn named(&self, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(move |line| is_wanted(name(line)))
    }
}

impl<S: Into<String>> FromIterator<S> for Lines {
    fn from_iter<I: IntoIterator<Item = S>>(lines: I) -> Self {
        let mut all = Self::default();
        lines.into_iter().for_each(|line| all.add(line.into()));
        all
    }
}

fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

fn is(line: &str, wanted: &str) -> bool {
    name(line).eq_ignore_ascii_case(wanted)
}
