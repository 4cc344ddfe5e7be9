//! A case of the corpus, the ways to cut its bytes, and how facts are compared.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

/// A response of the corpus and what it means.
pub(crate) struct Case {
    /// Which protocol's.
    pub(crate) proto: String,
    /// The bytes as on the wire.
    pub(crate) wire: Vec<u8>,
    /// Whether it must be rejected.
    pub(crate) reject: bool,
    /// Whether reading and rejecting both pass.
    pub(crate) either: bool,
    /// Whether this is the first line of a connection.
    pub(crate) greeting: bool,
    /// The keyword that the response must be read as.
    pub(crate) kind: String,
    /// What must be read of it.
    pub(crate) facts: Map<String, Value>,
    /// Everything that is said of the case.
    #[allow(dead_code, reason = "a protocol's own members")]
    pub(crate) members: Map<String, Value>,
}

/// The descriptions of the cases in a folder and the folders in it, by name.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

impl Case {
    /// Reads a case: its description, and the bytes that lie beside it.
    pub(crate) fn load(description: &Path) -> Result<Self, String> {
        let text = fs::read(description).map_err(|error| error.to_string())?;
        let bytes = description.with_extension("bin");
        let wire = fs::read(&bytes).map_err(|error| format!("{}: {error}", bytes.display()))?;
        let members: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let text = |key: &str| {
            let value = members.get(key).and_then(Value::as_str);
            value.map(str::to_owned).ok_or_else(|| format!("the case has no {key}"))
        };
        let flag = |key: &str| members.get(key).and_then(Value::as_bool).unwrap_or_default();
        let reject = match text("expect")?.as_str() {
            "ok" => false,
            "reject" => true,
            other => return Err(format!("expect says {other}")),
        };
        let facts = members.get("facts").and_then(Value::as_object).cloned();
        Ok(Self {
            proto: text("proto")?,
            wire,
            reject,
            either: flag("either"),
            greeting: flag("greeting"),
            kind: text("kind")?,
            facts: facts.ok_or("the case has no facts")?,
            members,
        })
    }

    /// Where to cut the bytes in two: everywhere, or in a long case near line ends, literals and the end, and at 500
    /// further places.
    fn cuts(&self) -> Vec<usize> {
        const LONG: usize = 4 << 10;
        const NEAR: usize = 64;
        let len = self.wire.len();
        if len <= LONG {
            return (1..len).collect();
        }
        let ends = self.wire.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n").map(|(at, _)| at);
        let braces = self.wire.iter().enumerate().filter(|(_, byte)| **byte == b'{').map(|(at, _)| at);
        let near =
            ends.chain(braces).chain([len]).flat_map(|at| at.saturating_sub(NEAR)..=(at + NEAR).min(len));
        let mut cuts: Vec<usize> = near.chain((1..=500).map(|part| len * part / 501)).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// Checks that `read` gives the same of the bytes whole, one by one, and cut in two at every place; what follows
    /// the case is `behind`, and comes with its last piece.
    ///
    /// Returns what was read.
    pub(crate) fn read_however_split<T: PartialEq>(
        &self,
        behind: &[u8],
        read: impl Fn(&[&[u8]]) -> T,
    ) -> Result<T, String> {
        let whole = [&self.wire, behind].concat();
        let result = read(&[&whole]);
        if read(&whole.chunks(1).collect::<Vec<_>>()) != result {
            return Err("another result byte by byte".into());
        }
        for cut in self.cuts() {
            let (head, tail) = whole.split_at(cut);
            if read(&[head, tail]) != result {
                return Err(format!("another result when split at {cut}"));
            }
        }
        Ok(result)
    }
}

/// Something that was read.
#[derive(Debug)]
pub(crate) enum Fact {
    /// To compare as it is.
    Json(Value),
    /// Text, perhaps not UTF-8; `None` is null.
    Text(Option<Vec<u8>>),
    /// Text by name.
    Texts(BTreeMap<String, Option<Vec<u8>>>),
    /// Numbers by name, of which the expected ones must be there.
    Numbers(Map<String, Value>),
    /// Words to compare without case and without order.
    Words(Vec<Vec<u8>>),
    /// To compare without case.
    Caseless(Vec<u8>),
}

/// What was read of a response, by the names of the corpus.
#[derive(Debug, Default)]
pub(crate) struct Facts(BTreeMap<&'static str, Fact>);

impl Facts {
    /// Adds a fact. Of two of the same name the first stays.
    pub(crate) fn add(&mut self, key: &'static str, fact: Fact) -> &mut Self {
        self.0.entry(key).or_insert(fact);
        self
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn json(&mut self, key: &'static str, value: impl Into<Value>) -> &mut Self {
        self.add(key, Fact::Json(value.into()))
    }

    pub(crate) fn text(&mut self, key: &'static str, text: impl AsRef<[u8]>) -> &mut Self {
        self.add(key, Fact::Text(Some(text.as_ref().to_vec())))
    }

    pub(crate) fn nullable(&mut self, key: &'static str, text: Option<impl AsRef<[u8]>>) -> &mut Self {
        self.add(key, Fact::Text(text.map(|text| text.as_ref().to_vec())))
    }

    pub(crate) fn words<W: AsRef<[u8]>>(
        &mut self,
        key: &'static str,
        words: impl IntoIterator<Item = W>,
    ) -> &mut Self {
        self.add(key, Fact::Words(words.into_iter().map(|word| word.as_ref().to_vec()).collect()))
    }

    /// Whether the fact is there as expected. A fact that isn't there, or has no such form, is a failure.
    pub(crate) fn check(&self, key: &str, expected: &Value) -> Result<(), String> {
        if let Some(fact) = self.0.get(key) {
            return match fact.matches(expected) {
                true => Ok(()),
                false => Err(format!("{key} is {}, not {expected}", fact.shown())),
            };
        }
        let base = key.strip_suffix("_hex");
        let fact =
            base.and_then(|base| self.0.get(format!("{base}_text").as_str()).or_else(|| self.0.get(base)));
        match fact {
            Some(fact) if fact.matches_hex(expected) => Ok(()),
            Some(fact) => Err(format!("{key} is {}, not {expected}", fact.shown())),
            None => Err(format!("the fact {key} wasn't read or can't be checked")),
        }
    }
}

impl Fact {
    fn matches(&self, expected: &Value) -> bool {
        match self {
            Self::Json(value) => value == expected,
            Self::Text(text) => text_is(text.as_deref(), expected),
            Self::Texts(texts) => {
                let Some(expected) = expected.as_object() else { return false };
                // Names without a value may be left out.
                let missing = texts.iter().filter(|(name, _)| !expected.contains_key(*name));
                missing.into_iter().all(|(_, text)| text.is_none())
                    && expected.iter().all(|(name, value)| {
                        texts.get(name).is_some_and(|text| text_is(text.as_deref(), value))
                    })
            }
            Self::Numbers(numbers) => {
                let expected = expected.as_object();
                expected.is_some_and(|all| all.iter().all(|(name, value)| numbers.get(name) == Some(value)))
            }
            Self::Words(words) => {
                let Some(expected) = expected.as_array() else { return false };
                let expected: Option<Vec<Vec<u8>>> =
                    expected.iter().map(|word| Some(word.as_str()?.as_bytes().to_vec())).collect();
                expected.is_some_and(|expected| caseless(expected) == caseless(words.clone()))
            }
            Self::Caseless(text) => {
                expected.as_str().is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(text))
            }
        }
    }

    fn matches_hex(&self, expected: &Value) -> bool {
        let is = |text: &[u8], expected: &Value| expected.as_str() == Some(hex(text).as_str());
        match (self, expected) {
            (Self::Text(Some(text)) | Self::Caseless(text), expected) => is(text, expected),
            (Self::Texts(texts), Value::Object(expected)) => {
                texts.len() == expected.len()
                    && expected.iter().all(|(name, value)| match texts.get(name) {
                        Some(Some(text)) => is(text, value),
                        Some(None) => value.is_null(),
                        None => false,
                    })
            }
            (Self::Words(words), Value::Array(expected)) => {
                words.len() == expected.len()
                    && words.iter().zip(expected).all(|(word, expected)| is(word, expected))
            }
            _ => false,
        }
    }

    fn shown(&self) -> String {
        let text = |text: &[u8]| format!("\"{}\"", text.escape_ascii());
        match self {
            Self::Json(value) => value.to_string(),
            Self::Numbers(numbers) => Value::Object(numbers.clone()).to_string(),
            Self::Text(None) => "null".into(),
            Self::Text(Some(bytes)) | Self::Caseless(bytes) => text(bytes),
            Self::Words(words) => format!("{:?}", words.iter().map(|word| text(word)).collect::<Vec<_>>()),
            Self::Texts(texts) => {
                let texts = texts.iter().map(|(name, value)| (name, value.as_deref().map(text)));
                format!("{:?}", texts.collect::<Vec<_>>())
            }
        }
    }
}

fn text_is(text: Option<&[u8]>, expected: &Value) -> bool {
    match (text, expected) {
        (None, Value::Null) => true,
        (Some(text), Value::String(expected)) => text == expected.as_bytes(),
        _ => false,
    }
}

fn caseless(mut words: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    words.iter_mut().for_each(|word| word.make_ascii_lowercase());
    words.sort();
    words.dedup();
    words
}

/// The bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
