//! What was read of POP3.

use bytes::Bytes;
use mail_proto::{
    ParseError, Quirk,
    pop3::{
        AnswerForm, Capability, Command, DropListing, ParseOptions, Parsed, Reply, ReplyKind, ScanListing,
        UniqueId,
    },
};

use crate::facts::{Content, Facts, Tree};

/// The keyword of an answer: `+OK`, `-ERR` or `CONTINUE`.
pub fn kind(reply: &Reply) -> &'static str {
    match reply.kind {
        ReplyKind::Ok => "+OK",
        ReplyKind::Err => "-ERR",
        ReplyKind::Continue => "CONTINUE",
    }
}

/// What follows a positive answer to this command, given as a client writes it. `GREETING` stands for none at all, and
/// nothing follows the answer to a command that isn't known.
pub fn form(asked: &str) -> AnswerForm {
    Command::parse(format!("{asked}\r\n")).map_or(AnswerForm::Nothing, |command| command.answer())
}

/// An answer as it is read, line by line.
#[derive(Debug)]
pub struct Answer {
    asked: Option<Command>,
    options: ParseOptions,
    facts: Facts,
    listing: Vec<[u64; 2]>,
    uids: Vec<(u32, Bytes)>,
    words: Vec<Bytes>,
}

impl Answer {
    /// The answer to a command, of which the status line was read.
    pub fn new(asked: &str, reply: &Reply, options: ParseOptions) -> Self {
        let mut facts = Facts::default();
        facts.text("text", &reply.text);
        facts.nullable("code", reply.code.as_ref().map(|code| code.name()));
        if reply.is_ok() && asked.eq_ignore_ascii_case("GREETING") {
            facts.nullable("apop", reply.apop_timestamp());
        }
        let asked = Command::parse(format!("{asked}\r\n")).ok().filter(|_| reply.is_ok());
        Self { asked, options, facts, listing: Vec::new(), uids: Vec::new(), words: Vec::new() }
    }

    /// Reads the text of the status line, if it has the answer in it.
    ///
    /// # Errors
    /// It isn't as it should be. Offsets, those of the quirks too, count from the text's first byte.
    pub fn status(&mut self, reply: &Reply) -> Result<Vec<Quirk>, ParseError> {
        match &self.asked {
            Some(Command::Stat) => {
                let Parsed { value, quirks } = DropListing::parse(reply, self.options)?;
                self.facts.json("count", value.count).json("octets", value.octets);
                Ok(quirks)
            }
            Some(Command::List(Some(_))) => {
                let Parsed { value, quirks } = ScanListing::parse(reply.text.clone(), self.options)?;
                self.facts.json("msg", value.number).json("octets", value.octets);
                Ok(quirks)
            }
            Some(Command::Uidl(Some(_))) => {
                let Parsed { value, quirks } = UniqueId::parse(reply.text.clone(), self.options)?;
                self.facts.json("msg", value.number).text("uid", &value.uid);
                Ok(quirks)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Reads a line of a listing.
    ///
    /// # Errors
    /// It isn't as it should be. Offsets, those of the quirks too, count from the line's first byte.
    pub fn line(&mut self, line: &Bytes) -> Result<Vec<Quirk>, ParseError> {
        match &self.asked {
            Some(Command::List(None)) => {
                let Parsed { value, quirks } = ScanListing::parse(line.clone(), self.options)?;
                self.listing.push([value.number.into(), value.octets]);
                Ok(quirks)
            }
            Some(Command::Uidl(None)) => {
                let Parsed { value, quirks } = UniqueId::parse(line.clone(), self.options)?;
                self.uids.push((value.number, value.uid));
                Ok(quirks)
            }
            Some(Command::Capa) => {
                let trimmed = line.slice_ref(line.trim_ascii());
                self.words.push(Capability::parse(line.clone()).encode().map_or(trimmed, Bytes::from));
                Ok(Vec::new())
            }
            _ => {
                self.words.push(line.slice_ref(line.trim_ascii_end()));
                Ok(Vec::new())
            }
        }
    }

    /// Everything that was read; `body` is the message that followed, if one did.
    pub fn into_facts(mut self, body: Option<Content<'_>>) -> Facts {
        match self.asked {
            Some(Command::List(None)) => {
                let listing: Vec<_> = self.listing.into_iter().map(serde_json::Value::from_iter).collect();
                self.facts.json("listing", listing);
            }
            Some(Command::Uidl(None)) => {
                let uid = |(number, uid): &(u32, Bytes)| {
                    Tree::List(vec![Tree::Other((*number).into()), Tree::owned(uid.clone())])
                };
                self.facts.tree("uids", Tree::List(self.uids.iter().map(uid).collect()));
            }
            Some(Command::Capa) => drop(self.facts.words("caps", self.words)),
            Some(Command::Lang(None)) => drop(self.facts.words("lines", self.words)),
            _ => {}
        }
        if let Some(content) = body {
            self.facts.content("body", body);
            self.facts.json("body_len", content.len());
        }
        self.facts
    }
}

/// Adds what a command says. Passwords and the like are left out.
pub fn command(command: &Command, facts: &mut Facts) {
    match command {
        Command::User(user) => drop(facts.text("user", user)),
        Command::Apop { user, digest: _ } => drop(facts.text("user", user)),
        Command::Auth { mechanism, initial } => {
            facts.text("mechanism", mechanism).json("initial_response", initial.is_some());
        }
        Command::Lang(language) => drop(facts.nullable("language", language.as_ref())),
        Command::List(number) | Command::Uidl(number) => drop(facts.json("msg", *number)),
        Command::Retr(number) | Command::Dele(number) => drop(facts.json("msg", *number)),
        Command::Top { number, lines } => drop(facts.json("msg", *number).json("lines", *lines)),
        _ => {}
    }
}
