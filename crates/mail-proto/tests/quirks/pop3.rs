//! Reading a case of POP3: framer and grammar, however the bytes come.

use mail_proto::{
    ParseError,
    frame::FrameError,
    pop3::{
        AnswerForm, Capability, Command, DropListing, Event, Framer, Limits, Reply, ReplyKind, ScanListing,
        UniqueId,
    },
};
use serde_json::Value;

use crate::case::{Case, Fact, Facts, hex};

/// What came of a stream: the answer, what follows it, and why it couldn't be read on.
#[derive(Debug, PartialEq)]
struct Run {
    answer: Option<Answer>,
    sentinel: Option<Reply>,
    fatal: Option<Fatal>,
}

#[derive(Debug, PartialEq)]
enum Fatal {
    Frame(FrameError),
    Parse(ParseError),
}

#[derive(Debug, PartialEq)]
struct Answer {
    reply: Reply,
    lines: Vec<Vec<u8>>,
    body: Vec<u8>,
    complete: bool,
}

const SENTINEL: &[u8] = b"+OK sentinel\r\n";
const SENTINEL_LF: &[u8] = b"+OK sentinel\n";

pub(crate) fn check(case: &Case) -> Result<(), String> {
    let asked = case.members.get("command").and_then(Value::as_str).ok_or("the case has no command")?;
    let form = form_of(asked);
    let multi_line = case.members.get("multiline").and_then(Value::as_bool).unwrap_or_default();
    if (form != AnswerForm::Nothing) != multi_line {
        return Err(format!("{asked} was taken for an answer of {form:?}"));
    }
    let bare = !case.wire.ends_with(b"\r\n");
    let sentinel = if bare { SENTINEL_LF } else { SENTINEL };
    // Nothing follows an answer that is cut short: it runs to the end of the stream.
    let whole = case.read_however_split(b"", |pieces| run(pieces, form))?;
    let complete = whole.answer.as_ref().is_some_and(|answer| answer.complete);
    let result = judge(case, asked, &whole, complete);
    if !complete {
        return result;
    }
    let followed = case.read_however_split(sentinel, |pieces| run(pieces, form))?;
    if followed.answer != whole.answer {
        return Err("was read otherwise with something behind it".into());
    }
    match followed.sentinel {
        Some(reply) if reply.is_ok() && reply.text == "sentinel" => result,
        other => Err(format!("what follows was read as {other:?}")),
    }
}

/// What follows a +OK to this command. LIST of no message in particular and its like have a body.
fn form_of(asked: &str) -> AnswerForm {
    Command::parse(format!("{asked}\r\n")).map_or(AnswerForm::Nothing, |command| command.answer())
}

fn run(pieces: &[&[u8]], form: AnswerForm) -> Run {
    let mut framer = Framer::new(Limits::default());
    let mut run = Run { answer: None, sentinel: None, fatal: None };
    for piece in pieces {
        framer.buffer().extend_from_slice(piece);
        loop {
            let event = match framer.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    run.fatal = Some(Fatal::Frame(error));
                    return run;
                }
            };
            match (event, &mut run.answer) {
                (Event::Status(line), answer) => match Reply::parse(line, Default::default()) {
                    Err(error) => {
                        run.fatal = Some(Fatal::Parse(error));
                        return run;
                    }
                    Ok(parsed) if answer.is_some() => run.sentinel = Some(parsed.value),
                    Ok(parsed) => {
                        let reply = parsed.value;
                        let complete = !reply.is_ok() || form == AnswerForm::Nothing;
                        if !complete {
                            framer.expect(form);
                        }
                        *answer = Some(Answer { reply, lines: Vec::new(), body: Vec::new(), complete });
                    }
                },
                (Event::Line(line), Some(answer)) => answer.lines.push(line.to_vec()),
                (Event::Chunk(bytes), Some(answer)) => answer.body.extend_from_slice(&bytes),
                (Event::End, Some(answer)) => answer.complete = true,
                (event, _) => panic!("{event:?}"),
            }
        }
    }
    run
}

fn judge(case: &Case, asked: &str, run: &Run, complete: bool) -> Result<(), String> {
    let facts = match (&run.fatal, &run.answer) {
        (None, Some(answer)) if complete => facts(asked, answer),
        other => Err(format!("couldn't be read: {other:?}")),
    };
    match facts {
        Err(_) if case.reject || case.either => Ok(()),
        Err(reason) => Err(reason),
        Ok(facts) if case.reject => Err(format!("wasn't rejected: {facts:?}")),
        Ok(facts) => {
            let kind = match run.answer.as_ref().map(|answer| answer.reply.kind) {
                Some(ReplyKind::Ok) => "+OK",
                Some(ReplyKind::Err) => "-ERR",
                Some(ReplyKind::Continue) => "CONTINUE",
                None => "nothing",
            };
            if kind != case.kind {
                return Err(format!("was read as {kind}, not {}", case.kind));
            }
            case.facts.iter().try_for_each(|(key, expected)| match key.as_str() {
                // These are told one by one, and compared as they are.
                "uids_hex" => facts.check("uids_as_hex", expected),
                key => facts.check(key, expected),
            })
        }
    }
}

/// What was read of a complete answer.
fn facts(asked: &str, answer: &Answer) -> Result<Facts, String> {
    let mut facts = Facts::default();
    let reply = &answer.reply;
    facts.text("text", &reply.text);
    facts.nullable("code", reply.code.as_ref().map(|code| code.name()));
    if !reply.is_ok() {
        return Ok(facts);
    }
    if asked == "GREETING" {
        facts.nullable("apop", reply.apop_timestamp());
        return Ok(facts);
    }
    let said = |error: ParseError| error.to_string();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_or(Value::Null, Value::from);
    match Command::parse(format!("{asked}\r\n")) {
        Ok(Command::Stat) => {
            let drop = DropListing::parse(reply, Default::default()).map_err(said)?.value;
            facts.json("count", drop.count).json("octets", drop.octets);
        }
        Ok(Command::List(Some(_))) => {
            let size = ScanListing::parse(reply.text.clone(), Default::default()).map_err(said)?.value;
            facts.json("msg", size.number).json("octets", size.octets);
        }
        Ok(Command::Uidl(Some(_))) => {
            let id = UniqueId::parse(reply.text.clone(), Default::default()).map_err(said)?.value;
            facts.json("msg", id.number).text("uid", &id.uid);
        }
        Ok(Command::List(None)) => {
            let mut listing = Vec::new();
            for line in &answer.lines {
                let size = ScanListing::parse(line.clone(), Default::default()).map_err(said)?.value;
                listing.push(Value::from(vec![Value::from(size.number), size.octets.into()]));
            }
            facts.json("listing", listing);
        }
        Ok(Command::Uidl(None)) => {
            let (mut uids, mut as_hex) = (Vec::new(), Vec::new());
            for line in &answer.lines {
                let id = UniqueId::parse(line.clone(), Default::default()).map_err(said)?.value;
                uids.push(Value::from(vec![Value::from(id.number), text(&id.uid)]));
                as_hex.push(Value::from(vec![Value::from(id.number), hex(&id.uid).into()]));
            }
            facts.json("uids", uids).json("uids_as_hex", as_hex);
        }
        Ok(Command::Capa) => {
            let words = answer.lines.iter().map(|line| Capability::parse(line.clone()).encode());
            let words: Result<Vec<_>, _> = words.collect();
            facts.add("caps", Fact::Words(words.map_err(|error| error.to_string())?));
        }
        Ok(Command::Lang(None)) => {
            let lines: Vec<_> = answer.lines.iter().map(|line| text(line.trim_ascii_end())).collect();
            facts.json("lines", lines);
        }
        Ok(Command::Retr(_) | Command::Top { .. }) => {
            facts.text("body", &answer.body).json("body_len", answer.body.len());
        }
        _ => {}
    }
    Ok(facts)
}
