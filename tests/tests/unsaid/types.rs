//! Which public types there are, and what they may lead to, read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Fields, GenericArgument, Item, PathArguments, Type, Visibility};

/// The crates whose types anyone may print.
pub(crate) const CRATES: [&str; 4] = ["mail-proto", "mail-pool", "mail-client", "mail-testkit"];

/// What a value of a type may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    /// Numbers, names that are written in the sources, and what is made of them.
    #[default]
    Nothing,
    /// Text or bytes, of whatever origin.
    Text,
    /// A secret, or something of which the sources don't say what it holds.
    Secret,
}

/// Types from elsewhere that hold no more than what they are made of.
const HARMLESS: &[&str] = &[
    // Numbers and the like.
    "bool",
    "char",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "isize",
    "f64",
    "AtomicBool",
    "AtomicU32",
    "AtomicU64",
    "AtomicUsize",
    "NonZeroU32",
    "NonZeroU64",
    "NonZeroUsize",
    "Duration",
    "Instant",
    "SystemTime",
    "IpAddr",
    "SocketAddr",
    "Ordering",
    "Location",
    "ThreadId",
    "Id",
    // What holds others.
    "Option",
    "Result",
    "Box",
    "Arc",
    "Rc",
    "Weak",
    "Vec",
    "VecDeque",
    "BTreeMap",
    "BTreeSet",
    "HashMap",
    "HashSet",
    "BinaryHeap",
    "Cow",
    "Mutex",
    "RwLock",
    "OnceLock",
    "Cell",
    "RefCell",
    "Peekable",
    "PhantomData",
    "Pin",
    "Range",
    "RangeInclusive",
    "IntoIter",
    "FuturesUnordered",
    "Send",
    "Sync",
    "Unpin",
    "Sized",
    "Self",
    // Their `Debug` shows nothing of what goes through them.
    "Sender",
    "Receiver",
    "UnboundedSender",
    "UnboundedReceiver",
    "JoinHandle",
    "AbortHandle",
    "Semaphore",
    "Notify",
    "OwnedSemaphorePermit",
    "Sleep",
    "Handle",
    "Waker",
];

const TEXT: &[&str] = &["str", "String", "Bytes", "BytesMut", "Path", "PathBuf", "OsString"];

/// A type that anybody can name.
#[derive(Debug)]
pub(crate) struct Public {
    /// As `std::any::type_name` has it, without what it is generic over.
    pub(crate) path: String,
    /// Whether a macro makes it, so that its module isn't known.
    pub(crate) by_macro: bool,
    pub(crate) holds: Holds,
    /// Whether it has a `Display`.
    pub(crate) displays: bool,
    /// Whether it has a `Debug`.
    pub(crate) debugs: bool,
}

/// The public types of a crate.
pub(crate) fn public() -> Vec<Public> {
    let mut sources = Sources::default();
    for name in CRATES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(name).join("src");
        sources.read_folder(&folder, &name.replace('-', "_"));
    }
    sources.public()
}

/// A type of ours.
#[derive(Debug, Default)]
struct Ours {
    module: String,
    name: String,
    is_public: bool,
    by_macro: bool,
    /// What its fields hold that isn't ours.
    holds: Holds,
    /// The names in its fields that may be ours.
    names: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Sources {
    types: Vec<Ours>,
    /// The traits that types have, each type with where it lies.
    traits: BTreeSet<(&'static str, String, String)>,
}

impl Sources {
    fn read_folder(&mut self, folder: &Path, module: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let inside = match stem {
                "lib" | "mod" | "main" => module.to_owned(),
                stem => format!("{module}::{stem}"),
            };
            if stem == "tests" {
                continue;
            }
            if path.is_dir() {
                self.read_folder(&path, &inside);
            } else {
                self.read_source(&fs::read_to_string(&path).unwrap(), &inside);
            }
        }
    }

    fn read_source(&mut self, source: &str, module: &str) {
        let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{module}: {error}"));
        file.items.into_iter().for_each(|item| self.read_item(item, module));
    }

    fn read_item(&mut self, item: Item, module: &str) {
        match item {
            Item::Struct(item) => {
                self.add(module, item.ident.to_string(), &item.vis, [item.fields], &item.attrs);
            }
            Item::Enum(item) => {
                let fields = item.variants.into_iter().map(|variant| variant.fields);
                self.add(module, item.ident.to_string(), &item.vis, fields, &item.attrs);
            }
            Item::Type(item) => {
                let mut ours =
                    Ours { module: module.to_owned(), name: item.ident.to_string(), ..Ours::default() };
                ours.read_type(&item.ty);
                self.types.push(ours);
            }
            Item::Impl(item) => {
                let of = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
                let of = ["Display", "Debug"].into_iter().find(|name| of.is_some_and(|of| of.ident == name));
                if let (Some(of), Type::Path(path)) = (of, &*item.self_ty)
                    && let Some(name) = path.path.segments.last()
                {
                    self.traits.insert((of, place(module), name.ident.to_string()));
                }
            }
            Item::Mod(item) if !is_test(&item.attrs) => {
                let inside = format!("{module}::{}", item.ident);
                item.content.into_iter().flat_map(|(_, items)| items).for_each(|item| {
                    self.read_item(item, &inside);
                });
            }
            // What it makes is what stands in it, as far as that has a name.
            Item::Macro(item) => self.read_macro(&item.mac.tokens.to_string(), module),
            _ => {}
        }
    }

    fn add(
        &mut self,
        module: &str,
        name: String,
        visibility: &Visibility,
        fields: impl IntoIterator<Item = Fields>,
        attributes: &[syn::Attribute],
    ) {
        let mut ours = Ours { module: module.to_owned(), name, ..Ours::default() };
        ours.is_public = matches!(visibility, Visibility::Public(_));
        fields.into_iter().flatten().for_each(|field| ours.read_type(&field.ty));
        for (derived, of) in [("Error", "Display"), ("Debug", "Debug")] {
            if derives(attributes, derived) {
                self.traits.insert((of, place(module), ours.name.clone()));
            }
        }
        self.types.push(ours);
    }

    fn read_macro(&mut self, tokens: &str, module: &str) {
        // Whoever is mentioned there may have it of it.
        for name in tokens.split(|c: char| !c.is_alphanumeric()) {
            self.traits.insert(("Debug", place(module), name.to_owned()));
        }
        let words: Vec<&str> = tokens.split_whitespace().collect();
        for window in words.windows(3) {
            if let ["pub", "struct" | "enum", name] = window
                && !name.starts_with('$')
            {
                let name = name.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned();
                let (is_public, by_macro, holds) = (true, true, Holds::Text);
                let module = module.to_owned();
                self.types.push(Ours { module, name, is_public, by_macro, holds, names: BTreeSet::new() });
            }
        }
    }

    /// The types that a name means in a module: those that lie nearest.
    fn meant(&self, by_name: &BTreeMap<&str, Vec<usize>>, name: &str, of: usize) -> Vec<usize> {
        let module = &self.types[of].module;
        let near = |at: &usize| {
            let theirs = self.types[*at].module.split("::");
            theirs.zip(module.split("::")).take_while(|(one, other)| one == other).count()
        };
        // One in its own fields is another of its name.
        let found = by_name.get(name).into_iter().flatten().copied().filter(|at| *at != of);
        let found: Vec<usize> = found.collect();
        let nearest = found.iter().map(near).max();
        found.into_iter().filter(|at| Some(near(at)) == nearest).collect()
    }

    fn public(self) -> Vec<Public> {
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, ours) in self.types.iter().enumerate() {
            by_name.entry(&ours.name).or_default().push(at);
        }
        let mut holds: Vec<Holds> = self.types.iter().map(|ours| ours.holds).collect();
        let leads: Vec<Vec<usize>> = self
            .types
            .iter()
            .enumerate()
            .map(|(at, ours)| {
                let mut leads = Vec::new();
                for name in &ours.names {
                    let meant = self.meant(&by_name, name, at);
                    if meant.is_empty() && *name != ours.name {
                        // Nobody knows what it holds. One letter is what a type is generic over.
                        let unknown = if name.len() > 1 { Holds::Secret } else { Holds::Nothing };
                        holds[at] = holds[at].max(unknown);
                    }
                    leads.extend(meant);
                }
                leads
            })
            .collect();
        loop {
            let before = holds.clone();
            for (at, leads) in leads.iter().enumerate() {
                holds[at] = leads.iter().map(|lead| before[*lead]).fold(before[at], Ord::max);
            }
            if holds == before {
                break;
            }
        }
        let has = |of: &'static str, ours: &Ours| {
            self.traits.contains(&(of, place(&ours.module), ours.name.clone()))
        };
        let public = self.types.iter().zip(holds).filter(|(ours, _)| ours.is_public);
        public
            .map(|(ours, holds)| Public {
                path: format!("{}::{}", ours.module, ours.name),
                by_macro: ours.by_macro,
                holds,
                displays: has("Display", ours),
                debugs: has("Debug", ours),
            })
            .collect()
    }
}

impl Ours {
    fn read_type(&mut self, of: &Type) {
        match of {
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else { return };
                let name = last.ident.to_string();
                if TEXT.contains(&name.as_str()) {
                    self.holds = self.holds.max(Holds::Text);
                } else if name == "Secret" {
                    self.holds = Holds::Secret;
                } else if !HARMLESS.contains(&name.as_str()) {
                    self.names.insert(name.clone());
                }
                match &last.arguments {
                    PathArguments::AngleBracketed(arguments) => {
                        for argument in &arguments.args {
                            if let GenericArgument::Type(of) = argument {
                                self.read_element(of, name == "Vec");
                            }
                        }
                    }
                    PathArguments::Parenthesized(_) | PathArguments::None => {}
                }
            }
            Type::Array(array) => self.read_element(&array.elem, true),
            Type::Slice(slice) => self.read_element(&slice.elem, true),
            Type::Reference(reference) => self.read_type(&reference.elem),
            Type::Paren(paren) => self.read_type(&paren.elem),
            Type::Group(group) => self.read_type(&group.elem),
            Type::Tuple(tuple) => tuple.elems.iter().for_each(|of| self.read_type(of)),
            // A function is shown by its address.
            Type::FnPtr(_) | Type::Never(_) => {}
            _ => self.holds = Holds::Secret,
        }
    }

    /// What there may be many of: of octets that is a text.
    fn read_element(&mut self, of: &Type, are_many: bool) {
        if are_many && matches!(of, Type::Path(path) if path.path.is_ident("u8")) {
            self.holds = self.holds.max(Holds::Text);
        }
        self.read_type(of);
    }
}

/// The crate and the protocol, within which a type's name is its own.
fn place(module: &str) -> String {
    module.split("::").take(2).collect()
}

fn derives(attributes: &[syn::Attribute], what: &str) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("derive") => {
            list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == what)
        }
        _ => false,
    })
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}
