//! Nothing that the async clients have is missing here: their sources are read for what is public.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What the macros that all clients share are in, and each protocol's client, in `src` and in `src/blocking`.
const SHARED: &str = "client";
const PROTOCOLS: [(&str, &str); 3] = [("imap", "ImapClient"), ("pop3", "Pop3Client"), ("smtp", "SmtpClient")];

/// What is done in another way by threads, and how.
const OTHERWISE: [(&str, &str); 8] = [
    ("ImapClientBuilder", "ends in `build_blocking`"),
    ("Pop3ClientBuilder", "ends in `build_blocking`"),
    ("SmtpClientBuilder", "ends in `build_blocking`"),
    ("FetchStream::next", "is `Iterator::next`"),
    ("Sections::next", "is `Iterator::next`"),
    ("Watcher::next", "is `Iterator::next`"),
    ("SendMany::next", "is `Iterator::next`"),
    ("RetrieveStream::next", "is `Iterator::next`"),
];

/// What the trait of an async type is for a thread's.
const TRAITS: [(&str, &str); 3] = [("Stream", "Iterator"), ("AsyncRead", "Read"), ("Future", "fn wait")];

/// What a folder's sources say of types.
#[derive(Debug, Default)]
struct Api {
    /// The public methods of each type: whether one is async, and what it gives.
    methods: BTreeMap<String, BTreeMap<String, (bool, String)>>,
    /// The traits of each.
    traits: BTreeSet<(String, String)>,
}

impl Api {
    /// Methods of the types' own `impl` blocks, be they functions or lines of a list, in these files and folders. What
    /// is every client's, as `$Client`, is this one's.
    fn read(paths: &[PathBuf], public: &[&str], client: &str) -> Self {
        let mut api = Self::default();
        paths.iter().for_each(|path| api.read_path(path, public));
        let shared = api.methods.remove("$Client").unwrap_or_default();
        api.methods.entry(client.to_owned()).or_default().extend(shared);
        api
    }

    fn read_path(&mut self, path: &Path, public: &[&str]) {
        if path.is_dir() {
            let inside = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
            inside.for_each(|path| self.read_path(&path, public));
        } else {
            self.read_source(&fs::read_to_string(path).unwrap(), public);
        }
    }

    fn read_source(&mut self, source: &str, public: &[&str]) {
        let mut lines = source.lines().take_while(|line| !line.starts_with("mod tests"));
        let mut of = None;
        while let Some(line) = lines.next() {
            let text = line.trim_start();
            if let Some(rest) = text.strip_prefix("impl").filter(|rest| rest.starts_with([' ', '<'])) {
                of = self.read_impl(rest);
            }
            let Some(function) = public.iter().find_map(|word| text.strip_prefix(word)) else { continue };
            let Some(of) = &of else { continue };
            let (is_async, rest) = match function.strip_prefix("async fn ") {
                Some(rest) => (true, rest),
                None => match function.strip_prefix("fn ") {
                    Some(rest) => (false, rest),
                    None => continue,
                },
            };
            let mut signature = rest.to_owned();
            while !signature.contains(['{', ';']) {
                signature.push_str(lines.next().unwrap().trim());
            }
            let name = signature.split(['(', '<']).next().unwrap().to_owned();
            let gives = signature.split_once("->").map_or("", |(_, gives)| gives).to_owned();
            let is_async = is_async || gives.contains("impl Future");
            self.methods.entry(of.clone()).or_default().insert(name, (is_async, gives));
        }
    }

    /// Reads what stands behind `impl`: the type whose own block it is.
    fn read_impl(&mut self, rest: &str) -> Option<String> {
        let rest = match rest.strip_prefix('<') {
            Some(rest) => rest.split_once("> ")?.1,
            None => rest.trim_start(),
        };
        let name = |text: &str| text.split(['<', ' ', '{', '(']).next().unwrap_or_default().to_owned();
        match rest.split_once(" for ") {
            Some((of, list)) if list.starts_with(['"', '$']) => Some(name(of)),
            Some((implemented, of)) => {
                self.traits.insert((name(of), name(implemented)));
                None
            }
            None => Some(name(rest)),
        }
    }

    /// The types that have something to wait for, and those that lead to them.
    fn waiting(&self) -> BTreeSet<String> {
        let is_async = |name: &String| {
            self.methods[name].values().any(|(is_async, _)| *is_async)
                || TRAITS.iter().any(|(of, _)| self.traits.contains(&(name.clone(), (*of).to_owned())))
        };
        let mut waiting: BTreeSet<String> =
            self.methods.keys().filter(|name| is_async(name)).cloned().collect();
        loop {
            let leads = |name: &&String| {
                let gives = |(_, gives): &(bool, String)| {
                    let words = gives.split(|c: char| !c.is_alphanumeric());
                    words.into_iter().any(|word| waiting.contains(word))
                };
                !waiting.contains(*name) && self.methods[*name].values().any(gives)
            };
            let more: Vec<String> = self.methods.keys().filter(leads).cloned().collect();
            if more.is_empty() {
                return waiting;
            }
            waiting.extend(more);
        }
    }
}

fn missing(theirs: &Api, ours: &Api) -> Vec<String> {
    let otherwise = |what: &str| OTHERWISE.iter().any(|(known, _)| *known == what);
    let mut missing = Vec::new();
    for of in theirs.waiting().into_iter().filter(|of| !otherwise(of)) {
        let has = ours.methods.get(&of);
        for name in theirs.methods[&of].keys() {
            let full = format!("{of}::{name}");
            if !otherwise(&full) && !has.is_some_and(|has| has.contains_key(name)) {
                missing.push(full);
            }
        }
        for (theirs_is, ours_is) in TRAITS {
            let ours_has = match ours_is.strip_prefix("fn ") {
                Some(method) => has.is_some_and(|has| has.contains_key(method)),
                None => ours.traits.contains(&(of.clone(), ours_is.to_owned())),
            };
            if theirs.traits.contains(&(of.clone(), theirs_is.to_owned())) && !ours_has {
                missing.push(format!("{of}: {ours_is}"));
            }
        }
    }
    missing
}

#[test]
fn whatever_the_async_clients_have_threads_have_too() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let blocking = sources.join("blocking");
    for (protocol, client) in PROTOCOLS {
        let theirs = Api::read(&[sources.join(SHARED), sources.join(protocol)], &["pub "], client);
        let own = [blocking.join(protocol), blocking.join(protocol).with_extension("rs")];
        let mut ours: Vec<_> = own.into_iter().filter(|path| path.exists()).collect();
        ours.extend([blocking.join(SHARED).with_extension("rs"), blocking.join("operation.rs")]);
        let ours = Api::read(&ours, &["pub ", ""], client);
        let waiting = theirs.waiting();
        assert!(["Connection", "Pending", client].iter().all(|name| waiting.contains(*name)), "{waiting:?}");
        assert!(theirs.methods[client].len() > 15, "{:?}", theirs.methods[client]);
        let missing = missing(&theirs, &ours);
        assert!(missing.is_empty(), "src/blocking/{protocol} lacks a line for each of {missing:?}");
    }
}

#[test]
fn every_client_is_among_them() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(sources).unwrap() {
        let module = entry.unwrap().file_name().into_string().unwrap();
        let source = fs::read_to_string(format!("{}/src/{module}/client.rs", env!("CARGO_MANIFEST_DIR")));
        let is_client = source.is_ok_and(|source| source.contains("client_methods! {"));
        assert_eq!(is_client, PROTOCOLS.iter().any(|(protocol, _)| *protocol == module), "{module}");
    }
}

/// As of the async ones.
#[test]
fn they_go_from_thread_to_thread() {
    use mail_client::blocking::{ImapClient, Pending, Pop3Client, SmtpClient, imap, pop3, smtp};

    fn send<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    shared::<(ImapClient, imap::Mailbox, imap::Connection, imap::DefaultConnection, imap::Exclusive)>();
    shared::<(SmtpClient, smtp::Connection, smtp::DefaultConnection)>();
    shared::<(Pop3Client, pop3::Connection, pop3::DefaultConnection)>();
    shared::<Pending<u32>>();
    send::<(imap::FetchStream, imap::Message, imap::Body, imap::BodyReader, imap::Sections)>();
    send::<(pop3::Session, pop3::RetrieveStream, pop3::RetrievedMessage, pop3::MessageReader)>();
    send::<(imap::WatchBuilder, imap::Watcher, smtp::SendMany)>();
}

#[test]
fn what_is_missing_is_found() {
    let read = |source: &str, public: &[&str]| {
        let mut api = Api::default();
        api.read_source(source, public);
        api
    };
    let theirs = "\
impl<T> Thing<T> {
    /// Waits.
    pub async fn waits(
        &self,
        long: u32,
    ) -> Result<()> {
    pub fn waits_too(&self) -> impl Future<Output = ()> + Send {
    pub fn tells(&self) -> u32 {
    pub(super) async fn hidden(&self) {
    fn private(&self) {
}
impl Stream for Thing {
impl Door {
    pub fn leads(&self) -> Option<Thing> {
}
impl Fact {
    pub fn is_free(&self) -> bool {
}
";
    let ours = "\
facade! {
    impl Thing for \"imap::Thing\" {
        async fn waits(&self, long: u32) -> Result<()>;
    }
}
";
    let theirs = read(theirs, &["pub "]);
    assert_eq!(
        missing(&theirs, &read(ours, &["pub ", ""])),
        ["Door::leads", "Thing::tells", "Thing::waits_too", "Thing: Iterator"]
    );
    assert_eq!(missing(&theirs, &Api::default()).len(), 5);
}
