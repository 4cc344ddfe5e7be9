//! No secret is ever written down: whatever the crates under test say by `tracing` or `log`, at every level, is searched
//! for the passwords and tokens that tests use, in each form in which they could stand there.
//!
//! A test program is watched by one line, [`watch_for_secrets!`](crate::watch_for_secrets). Passwords in tests have one
//! of [`WORDS`] in them, so that all of them are known; what is made at random, or is a file, is [`register`]ed.

mod forms;
mod watcher;

use std::sync::{LazyLock, RwLock};

use memchr::memmem::Finder;

use forms::forms;

#[doc(hidden)]
pub use watcher::{end, watch};
#[doc(hidden)]
pub use {ctor, dtor};

/// Every password and token in tests has one of these in it, and nothing else that is ever traced has.
pub const WORDS: [&str; 10] = [
    "secret",
    "hunter2",
    "tok.en",
    "ya29.t",
    "se cret\"\\",
    " sec  ret ",
    "correct horse \"battery\" \\ staple",
    "sec ret",
    "sesame",
    "sésame",
];

/// This one is a part of other words too, of names in the libraries and of paths: there it is no password.
const ENGLISH: &str = "secret";

/// The least that is looked for: less stands in many a text by chance.
const SHORTEST: usize = 6;

/// One form of a secret.
struct Needle {
    finder: Finder<'static>,
    form: &'static str,
    secret: String,
}

impl Needle {
    fn stands_in(&self, text: &[u8]) -> bool {
        let is_part =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let len = self.finder.needle().len();
        self.finder.find_iter(text).any(|at| {
            self.finder.needle() != ENGLISH.as_bytes()
                || !is_part(text[..at].last()) && !is_part(text.get(at + len))
        })
    }
}

static NEEDLES: LazyLock<RwLock<Vec<Needle>>> = LazyLock::new(|| {
    let words = WORDS.iter().flat_map(|word| needles(word.as_bytes()));
    RwLock::new(words.collect())
});

/// Searches for this one too from here on: a password made at random, a key.
///
/// # Panics
/// If it is so short that it stands in many a text by chance.
pub fn register(secret: impl AsRef<[u8]>) {
    let secret = secret.as_ref();
    assert!(secret.len() >= SHORTEST, "too short to be looked for");
    let mut known = NEEDLES.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.extend(needles(secret));
}

/// The first secret that stands in a text: in which form, and which.
pub fn find(text: impl AsRef<[u8]>) -> Option<String> {
    let text = text.as_ref();
    let known = NEEDLES.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Nearly always there is none, which the finder says in no time.
    let found = known.iter().find(|needle| needle.finder.find(text).is_some() && needle.stands_in(text))?;
    Some(format!("{:?} {}", found.secret, found.form))
}

/// Fails if a secret stands in a text.
///
/// # Panics
/// If so, with what was found and where it stands.
#[track_caller]
pub fn assert_none_in(what: &str, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    if let Some(found) = find(text) {
        panic!("{what} shows {found}: {}", String::from_utf8_lossy(text));
    }
}

fn needles(secret: &[u8]) -> impl Iterator<Item = Needle> {
    let shown = String::from_utf8_lossy(secret).into_owned();
    let finder = |form: Vec<u8>| Finder::new(&form).into_owned();
    forms(secret).into_iter().map(move |(form, bytes)| Needle {
        finder: finder(bytes),
        form,
        secret: shown.clone(),
    })
}

/// Watches this test program: a line at the top of its first file.
///
/// It fails at its end if a secret was said, whatever else its tests came to, and says then and there which and where.
#[macro_export]
macro_rules! watch_for_secrets {
    () => {
        $crate::secrets::ctor::declarative::ctor! {
            #[ctor(unsafe)]
            fn watch_for_secrets() {
                $crate::secrets::watch();
            }
        }
        $crate::secrets::dtor::declarative::dtor! {
            #[dtor(unsafe)]
            fn no_secret_was_said() {
                $crate::secrets::end();
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    #[test]
    fn a_secret_is_found_in_each_of_its_forms() {
        let secret = "hunter2";
        for text in [
            format!("PASS {secret}"),
            format!("{:?}", secret.as_bytes()),
            format!("{:#?}", secret.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" "),
            format!("{:x?}", secret.as_bytes()),
            secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
            BASE64_STANDARD.encode(secret),
            BASE64_STANDARD.encode(format!("\0kim\0{secret}")),
            BASE64_STANDARD.encode(format!("\0kimi\0{secret}")),
            BASE64_STANDARD.encode(format!("user=kim\x01auth=Bearer {secret}\x01\x01")),
        ] {
            assert!(find(&text).is_some_and(|found| found.contains(secret)), "{text}");
        }
        let quoted = "se cret\"\\";
        assert!(find(format!("{quoted:?}")).is_some() && find("se%20cret%22%5C").is_some());
        assert!(find(BASE64_STANDARD.encode("\0kim\0sésame, ouvre-toi")).is_some());
        assert!(find("the user kim has no password").is_none());
        assert!(find("/home/kim/secrets: master_secret").is_none() && find("PASS secret").is_some());
    }

    #[test]
    fn what_is_registered_is_found_too() {
        assert_eq!(find("correct-horse-of-mine"), None);
        register("horse-of-mine");
        assert!(find("correct-horse-of-mine").is_some());
    }
}
