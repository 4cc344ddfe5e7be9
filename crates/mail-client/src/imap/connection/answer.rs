//! The answer to a command that went well, and what of it can't be read.

use mail_proto::{
    ParseError,
    imap::{client::Completion, response::Untagged},
};

use crate::error::{Cause, Error, Result};

/// The answer to a command that went well.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) completion: Completion,
    /// The data that came for it.
    pub(crate) data: Vec<Untagged>,
    /// What came meanwhile and may have been part of it.
    pub(crate) unread: Unread,
}

/// Responses that can't be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unread(Vec<ParseError>);

impl Unread {
    /// So many are kept: the first. One is as bad as many.
    const MOST: usize = 100;

    pub(crate) fn push(&mut self, error: ParseError) {
        if self.0.len() < Self::MOST {
            self.0.push(error);
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        other.0.into_iter().for_each(|error| self.push(error));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &[ParseError] {
        &self.0
    }

    /// The error of a call that misses them.
    pub(crate) fn into_error(self) -> Error {
        Error::new(Cause::Unread { lines: self.0.into(), listed: Box::default() })
    }
}

impl Answer {
    /// The one thing that was asked for, as `pick` finds it. `what` says what is missing without it.
    ///
    /// # Errors
    /// It wasn't told, or can't be read.
    pub(crate) fn one<T>(self, what: &'static str, pick: impl FnMut(Untagged) -> Option<T>) -> Result<T> {
        match self.data.into_iter().find_map(pick) {
            Some(told) => Ok(told),
            None if self.unread.is_empty() => Err(Error::new(Cause::Unanswered(what))),
            None => Err(self.unread.into_error()),
        }
    }

    /// All that was told, where nobody can say how much that is.
    ///
    /// # Errors
    /// Some of it can't be read.
    pub(crate) fn whole(self) -> Result<Vec<Untagged>> {
        if self.unread.is_empty() { Ok(self.data) } else { Err(self.unread.into_error()) }
    }
}

#[cfg(test)]
mod tests {
    use mail_proto::{
        ParseOptions,
        imap::{
            client::Completion,
            response::{Response, parse},
        },
    };

    use super::*;
    use crate::ErrorKind;

    fn unreadable() -> ParseError {
        parse("* LIST oops\r\n", ParseOptions::default()).unwrap_err()
    }

    fn answer(unread: Unread) -> Answer {
        let line = parse("a OK done\r\n", ParseOptions::default()).unwrap().value;
        let Response::Tagged { status, .. } = line else { panic!("it is tagged") };
        Answer { completion: Completion { status, selected: None }, data: vec![Untagged::Exists(3)], unread }
    }

    #[test]
    fn of_many_lines_that_cannot_be_read_the_first_are_kept() {
        let mut unread = Unread::default();
        (0..Unread::MOST + 5).for_each(|_| unread.push(unreadable()));
        assert_eq!(unread.as_slice().len(), Unread::MOST);
        let mut other = Unread::default();
        other.push(unreadable());
        other.append(unread);
        assert_eq!(other.as_slice().len(), Unread::MOST);
    }

    #[test]
    fn what_is_missing_was_not_told_or_cannot_be_read() {
        let nothing = |_| None::<()>;
        let mut unread = Unread::default();
        unread.push(unreadable());
        let error = answer(Unread::default()).one("it", nothing).unwrap_err();
        assert!(error.unreadable().is_empty() && error.kind() == ErrorKind::Protocol);
        assert_eq!(answer(unread.clone()).one("it", nothing).unwrap_err().unreadable(), [unreadable()]);
        // What is there is what was asked for, whatever else came.
        assert!(answer(unread.clone()).one("it", Some).is_ok());
        assert!(answer(unread).whole().is_err() && answer(Unread::default()).whole().is_ok());
    }
}
