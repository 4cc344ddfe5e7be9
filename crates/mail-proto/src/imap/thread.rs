//! THREAD: which messages answer which (RFC 5256 sections 3 and 4).

use bytes::Bytes;

use super::{
    encode::Encoder,
    terminals::{Context, Parsing, at_end, fail, number, skip_spaces},
};
use crate::error::QuirkKind;

/// How threads are found (`thread-alg`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThreadAlgorithm {
    /// By subject and date.
    OrderedSubject,
    /// By the `References` fields, then by subject.
    References,
    /// By the `References` fields alone.
    Refs,
    /// One that isn't known here.
    Other(Bytes),
}

impl ThreadAlgorithm {
    /// The algorithm of this name, found without regard to case.
    pub fn new(name: impl Into<Bytes>) -> Self {
        let name = name.into();
        [Self::OrderedSubject, Self::References, Self::Refs]
            .into_iter()
            .find(|known| known.as_bytes().eq_ignore_ascii_case(&name))
            .unwrap_or(Self::Other(name))
    }

    /// The name as on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::OrderedSubject => b"ORDEREDSUBJECT",
            Self::References => b"REFERENCES",
            Self::Refs => b"REFS",
            Self::Other(name) => name,
        }
    }
}

/// The answer to THREAD: trees of messages, each before those that answer it.
///
/// The trees lie flat, so that neither reading nor dropping a deep one takes a deep stack.
///
/// ```
/// use mail_proto::imap::{ThreadNode, response::{self, Response, Untagged}};
///
/// let parsed = response::parse(&b"* THREAD (3 6 (4 23)(44 7))\r\n"[..], Default::default())?;
/// let Response::Untagged(Untagged::Thread(threads)) = parsed.value else { panic!("a THREAD") };
/// let parents: Vec<_> = threads.nodes().iter().map(|node| (node.number, node.parent)).collect();
/// assert_eq!(parents[0], (Some(3), None));
/// assert_eq!(parents[2], (Some(4), Some(1)));
/// # Ok::<(), mail_proto::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threads {
    nodes: Vec<ThreadNode>,
}

/// A message in its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadNode {
    /// Its sequence number, or its UID after UID THREAD; `None` if there is no such message in the mailbox, but
    /// several that answer it.
    pub number: Option<u32>,
    /// The place of the message it answers, among [`Threads::nodes`]; `None` for the first of a thread.
    pub parent: Option<u32>,
}

/// More levels of parentheses than these aren't read.
const DEEPEST: usize = 64;

impl Threads {
    /// All messages, each before those that answer it.
    pub fn nodes(&self) -> &[ThreadNode] {
        &self.nodes
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.nodes.iter().filter(|node| node.parent.is_none()).count()
    }

    /// Adds a message behind those it answers. Returns its place, or `None` if there is no message at `parent`.
    pub fn push(&mut self, number: Option<u32>, parent: Option<u32>) -> Option<u32> {
        let place = u32::try_from(self.nodes.len()).ok()?;
        if parent.is_some_and(|parent| parent >= place) {
            return None;
        }
        self.nodes.push(ThreadNode { number, parent });
        Some(place)
    }

    /// ```abnf
    /// thread-data = "THREAD" [SP 1*thread-list]
    /// thread-list = "(" (thread-members / thread-nested) ")"
    /// thread-members = nz-number *(SP nz-number) [SP thread-nested]
    /// thread-nested = 2*thread-list
    /// ```
    /// behind the word.
    pub(crate) fn parse<'a>(input: &'a [u8], cx: &mut Context<'a>) -> Parsing<'a, Self> {
        let mut threads = Self::default();
        // Of each open parenthesis: the message before it, which those in it answer, and the last one in it so far.
        let mut open: Vec<Open> = Vec::new();
        let mut rest = input;
        loop {
            match (rest, open.last_mut()) {
                ([b'(', behind @ ..], last) => {
                    let before = last.as_ref().and_then(|last| last.last);
                    if open.len() >= DEEPEST {
                        return fail(rest, "threads of at most 64 levels");
                    }
                    // Several threads side by side, and no message that they answer: one is missing.
                    let parent = match open.last_mut() {
                        Some(last) if last.last.is_none() => {
                            let missing = threads.node(None, last.before);
                            last.last = Some(missing);
                            Some(missing)
                        }
                        _ => before,
                    };
                    open.push(Open { before: parent, last: None });
                    rest = behind;
                }
                ([b')', behind @ ..], Some(last)) => {
                    if last.last.is_none() {
                        cx.quirk(rest, QuirkKind::UnexpectedNil)?;
                    }
                    open.pop();
                    rest = behind;
                }
                ([b'0'..=b'9', ..], Some(last)) => {
                    let at = rest;
                    let found;
                    (rest, found) = number(rest)?;
                    if found == 0 {
                        cx.quirk(at, QuirkKind::BadNumber)?;
                    }
                    let parent = last.last.or(last.before);
                    last.last = Some(threads.node(Some(found), parent));
                }
                ([b' ', b' ' | b'\t', ..] | [b'\t', ..], _) => {
                    cx.quirk(rest, QuirkKind::ExtraSpace)?;
                    rest = skip_spaces(rest);
                }
                ([b' ', behind @ ..], _) => {
                    if at_end(behind) {
                        cx.quirk(rest, QuirkKind::ExtraSpace)?;
                    }
                    rest = behind;
                }
                (_, None) => return Ok((rest, threads)),
                (_, Some(_)) => return fail(rest, "a message number or \")\""),
            }
        }
    }

    fn node(&mut self, number: Option<u32>, parent: Option<u32>) -> u32 {
        // A frame has fewer than 2³¹ bytes, and so fewer messages.
        let place = self.nodes.len() as u32;
        self.nodes.push(ThreadNode { number, parent });
        place
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        let mut answers: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        let mut roots = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            match node.parent.and_then(|parent| answers.get_mut(parent as usize)) {
                Some(answers) => answers.push(place as u32),
                None => roots.push(place as u32),
            }
        }
        if !roots.is_empty() {
            out.raw(" ");
        }
        let mut steps: Vec<Step> = roots.into_iter().rev().map(Step::List).collect();
        while let Some(step) = steps.pop() {
            let (place, between) = match step {
                Step::Close => {
                    out.raw(")");
                    continue;
                }
                Step::List(place) => {
                    out.raw("(");
                    steps.push(Step::Close);
                    (place as usize, "")
                }
                Step::Member(place) => (place as usize, " "),
            };
            let mut written = between;
            if let Some(number) = self.nodes[place].number {
                out.raw(between).number(u64::from(number));
                written = " ";
            }
            match answers[place].as_slice() {
                [] => {}
                // A missing message with one answer is told from that answer by its parentheses.
                [only]
                    if self.nodes[place].number.is_some() && self.nodes[*only as usize].number.is_some() =>
                {
                    steps.push(Step::Member(*only));
                }
                several => {
                    out.raw(written);
                    steps.extend(several.iter().rev().map(|place| Step::List(*place)));
                }
            }
        }
    }
}

struct Open {
    before: Option<u32>,
    last: Option<u32>,
}

enum Step {
    List(u32),
    Member(u32),
    Close,
}

/// `thread-alg`, an atom.
pub(crate) fn algorithm<'a>(input: &'a [u8], cx: &Context<'a>) -> Parsing<'a, ThreadAlgorithm> {
    let (rest, name) = super::terminals::atom(input)?;
    Ok((rest, ThreadAlgorithm::new(cx.keep(name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::encode::{EncodeOptions, Literals};

    fn read(wire: &str) -> Option<Threads> {
        let wire = Bytes::copy_from_slice(wire.as_bytes());
        let mut cx = Context::new(&wire, true);
        Threads::parse(&wire, &mut cx).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, threads)| threads)
    }

    fn written(threads: &Threads) -> String {
        let mut out = Encoder::new(EncodeOptions::literals(Literals::Server));
        threads.encode(&mut out);
        String::from_utf8(out.finish().unwrap().to_bytes()).unwrap()
    }

    #[test]
    fn trees_come_back_as_they_were() {
        for wire in [
            "",
            " (2)(3 6 (4 23)(44 7 96))",
            " (166)(167)(168)",
            " ((3)(5))",
            " (1 ((2)(3))(4))",
            " (((1)(2))((3)(4)))",
        ] {
            assert_eq!(written(&read(wire).unwrap()), wire);
        }
    }

    #[test]
    fn a_missing_message_has_those_that_answer_it() {
        let threads = read(" ((3)(5 6))").unwrap();
        let nodes: Vec<_> = threads.nodes().iter().map(|node| (node.number, node.parent)).collect();
        assert_eq!(nodes, [(None, None), (Some(3), Some(0)), (Some(5), Some(0)), (Some(6), Some(2))]);
        assert_eq!(threads.count(), 1);
    }

    #[test]
    fn a_long_thread_takes_no_deep_stack() {
        let numbers: Vec<String> = (1..100_000).map(|number: u32| number.to_string()).collect();
        let wire = format!(" ({})", numbers.join(" "));
        assert_eq!(written(&read(&wire).unwrap()), wire);
        assert!(read(&"(".repeat(1 << 20)).is_none());
        assert!(read(&format!("{}1{}", "(".repeat(65), ")".repeat(65))).is_none());
    }

    #[test]
    fn what_is_no_tree_is_no_tree() {
        for wire in [" (", " (1", " 1", " (a)", " (1))"] {
            assert!(read(wire).is_none(), "{wire:?}");
        }
    }
}
