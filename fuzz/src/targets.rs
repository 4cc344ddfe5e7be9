//! The list of targets: what each runs, and what it begins with.

use crate::{
    dots, imap, pop3, sasl,
    seeds::{self, Corpus},
    smtp,
};

/// A fuzz target: a function that panics if an input breaks its promise.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its program and of its [file of seeds](seeds).
    pub name: &'static str,
    /// What it checks.
    pub check: fn(&[u8]),
    /// The protocol whose dictionary it takes.
    pub dictionary: &'static str,
    /// Which cases of the quirk corpus it begins with.
    corpus: Option<Corpus>,
    /// What else it begins with.
    scripts: fn() -> Vec<Vec<u8>>,
}

impl Target {
    const fn new(name: &'static str, check: fn(&[u8]), dictionary: &'static str) -> Self {
        Self { name, check, dictionary, corpus: None, scripts: Vec::new }
    }

    const fn with_corpus(mut self, corpus: Corpus) -> Self {
        self.corpus = Some(corpus);
        self
    }

    const fn with_scripts(mut self, scripts: fn() -> Vec<Vec<u8>>) -> Self {
        self.scripts = scripts;
        self
    }

    /// The target of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// What it begins with: written seeds, scripts, and cases of the quirk corpus.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = seeds::written(self.name);
        seeds.extend((self.scripts)());
        seeds.extend(self.corpus.map(seeds::quirks).unwrap_or_default());
        seeds
    }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target::new("imap_responses_frame", imap::responses_are_framed_alike_however_split, "imap")
        .with_corpus(Corpus::Imap),
    Target::new("imap_commands_frame", imap::commands_are_framed_alike_however_split, "imap")
        .with_scripts(|| seeds::written("imap_commands")),
    Target::new("imap_responses", imap::responses_survive_being_written, "imap").with_corpus(Corpus::Imap),
    Target::new("imap_commands", imap::commands_survive_being_written, "imap"),
    Target::new("imap_mailbox_names", imap::mailbox_names_keep_their_text, "imap"),
    Target::new("imap_sets_and_dates", imap::sets_and_dates_mean_what_they_say, "imap"),
    Target::new("imap_session", imap::every_command_ends_once, "imap").with_scripts(imap::session_scripts),
    Target::new("pop3_frame", pop3::answers_are_framed_alike_however_split, "pop3").with_corpus(Corpus::Pop3),
    Target::new("pop3_grammar", pop3::lines_survive_being_written, "pop3").with_corpus(Corpus::Pop3),
    Target::new("pop3_session", pop3::every_command_ends_once, "pop3").with_scripts(pop3::session_scripts),
    Target::new("smtp_replies", smtp::replies_survive_being_written, "smtp"),
    Target::new("smtp_commands", smtp::commands_survive_being_written, "smtp"),
    Target::new("smtp_session", smtp::every_message_ends_once, "smtp").with_scripts(smtp::session_scripts),
    Target::new("dots", dots::a_message_arrives_as_it_was_sent, "smtp"),
    Target::new("sasl_client", sasl::no_server_talks_a_client_into_success, "sasl"),
    Target::new("sasl_server", sasl::no_client_logs_in_without_the_secret, "sasl"),
    Target::new("scram", sasl::what_was_changed_on_the_way_is_found_out, "sasl"),
];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::{mutation::Mutations, shown};

    /// Runs a target on each of its seeds, and on this many mutations of them, the same each time.
    fn run(name: &str, mutations: usize) {
        let target = Target::find(name).unwrap();
        let seeds = target.seeds();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        let dictionary = seeds::dictionary(target.dictionary);
        let mutated = Mutations::new(&seeds, &dictionary).take(mutations);
        for input in seeds.iter().cloned().chain(mutated) {
            if std::panic::catch_unwind(|| (target.check)(&input)).is_err() {
                panic!("{name} fails for: {}", shown(&input));
            }
        }
    }

    macro_rules! runs {
        ($($name:ident: $mutations:literal,)*) => {
            /// The names of the tests below.
            const RUN: &[&str] = &[$(stringify!($name),)*];

            $(#[test]
            fn $name() {
                run(stringify!($name), $mutations);
            })*
        };
    }

    // So many that each takes a second or two without optimisation.
    runs! {
        imap_responses_frame: 20_000,
        imap_commands_frame: 20_000,
        imap_responses: 60_000,
        imap_commands: 60_000,
        imap_mailbox_names: 100_000,
        imap_sets_and_dates: 50_000,
        imap_session: 10_000,
        pop3_frame: 10_000,
        pop3_grammar: 50_000,
        pop3_session: 20_000,
        smtp_replies: 20_000,
        smtp_commands: 20_000,
        smtp_session: 20_000,
        dots: 20_000,
        sasl_client: 50_000,
        sasl_server: 50_000,
        scram: 5_000,
    }

    #[test]
    fn each_target_has_a_program_a_dictionary_and_a_run_on_stable() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let programs = manifest.lines().filter(|line| line.starts_with("path = \"fuzz_targets/")).count();
        assert_eq!(programs, TARGETS.len());
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{}", target.name);
            let path = folder.join("fuzz_targets").join(target.name).with_extension("rs");
            let program = fs::read_to_string(path).unwrap();
            assert!(program.contains("libfuzzer_sys::fuzz_target!"), "{}", target.name);
            assert!(!seeds::dictionary(target.dictionary).is_empty());
            assert!(RUN.contains(&target.name), "{} isn't run on stable", target.name);
        }
    }
}
