//! What was printed, and whether a secret stood there.

use std::any::type_name;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{Debug, Display};

use system_tests::secrets::find;

/// The password of everything that is printed here, and the token.
pub(crate) const PASSWORD: &str = "hunter2-\"secret\"";
pub(crate) const TOKEN: &str = "ya29.t-tok.en";

/// The types of which values were printed.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    types: BTreeSet<String>,
    displayed: BTreeSet<String>,
    values: u64,
}

impl Printed {
    /// Prints a value for whoever develops.
    #[track_caller]
    pub(crate) fn debug<T: Debug + ?Sized>(&mut self, value: &T) {
        let path = path(type_name::<T>());
        let shown = [format!("{value:?}"), in_one_line(&format!("{value:#?}"))];
        check(&path, &shown);
        self.types.insert(path);
        self.values += 1;
    }

    /// Prints one for people, too.
    #[track_caller]
    pub(crate) fn display<T: Debug + Display + ?Sized>(&mut self, value: &T) {
        self.debug(value);
        let path = path(type_name::<T>());
        check(&path, &[value.to_string(), format!("{value:#}")]);
        self.displayed.insert(path);
    }

    /// Prints an error with all that led to it.
    #[track_caller]
    pub(crate) fn error<T: Error + 'static>(&mut self, error: &T) {
        self.display(error);
        let mut cause = error.source();
        while let Some(error) = cause {
            check(
                type_name::<T>(),
                &[error.to_string(), format!("{error:?}"), in_one_line(&format!("{error:#?}"))],
            );
            cause = error.source();
        }
    }

    /// One that was printed where it was.
    #[track_caller]
    pub(crate) fn shown<T: ?Sized>(&mut self, shown: &str) {
        let path = path(type_name::<T>());
        check(&path, &[shown.to_owned()]);
        self.types.insert(path);
        self.values += 1;
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(String::as_str)
    }

    pub(crate) fn displayed(&self) -> impl Iterator<Item = &str> {
        self.displayed.iter().map(String::as_str)
    }

    pub(crate) fn values(&self) -> u64 {
        self.values
    }
}

/// The name of a type without what it is generic over.
fn path(name: &str) -> String {
    name.trim_start_matches('&').split('<').next().unwrap().to_owned()
}

/// A list of numbers stands on as many lines in the long form.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(path: &str, shown: &[String]) {
    for shown in shown {
        if let Some(found) = find(shown) {
            panic!("{path} shows {found}: {shown}");
        }
    }
}

#[test]
#[should_panic(expected = "as a list of numbers")]
fn a_type_that_shows_one_is_found() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "it is only shown")]
    struct Leaks(Vec<u8>);
    Printed::default().debug(&Leaks(PASSWORD.into()));
}
