//! Reading a case of POP3: framer and grammar, however the bytes come.

use bytes::Bytes;
use mail_facts::{Content, Facts, corpus::Case, pop3};
use mail_proto::{
    ParseError,
    frame::FrameError,
    pop3::{AnswerForm, Event, Framer, Limits, Reply},
};
use serde_json::Value;

use crate::splits::read_however_split;

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
    lines: Vec<Bytes>,
    body: Vec<u8>,
    complete: bool,
}

const SENTINEL: &[u8] = b"+OK sentinel\r\n";
const SENTINEL_LF: &[u8] = b"+OK sentinel\n";

pub(crate) fn check(case: &Case) -> Result<(), String> {
    let asked = case.members.get("command").and_then(Value::as_str).ok_or("the case has no command")?;
    let form = pop3::form(asked);
    let multi_line = case.members.get("multiline").and_then(Value::as_bool).unwrap_or_default();
    if (form != AnswerForm::Nothing) != multi_line {
        return Err(format!("{asked} was taken for an answer of {form:?}"));
    }
    let bare = !case.wire.ends_with(b"\r\n");
    let sentinel = if bare { SENTINEL_LF } else { SENTINEL };
    // Nothing follows an answer that is cut short: it runs to the end of the stream.
    let whole = read_however_split(case, b"", |pieces| run(pieces, form))?;
    let complete = whole.answer.as_ref().is_some_and(|answer| answer.complete);
    let result = judge(case, asked, &whole, complete);
    if !complete {
        return result;
    }
    let followed = read_however_split(case, sentinel, |pieces| run(pieces, form))?;
    if followed.answer != whole.answer {
        return Err("was read otherwise with something behind it".into());
    }
    match followed.sentinel {
        Some(reply) if reply.is_ok() && reply.text == "sentinel" => result,
        other => Err(format!("what follows was read as {other:?}")),
    }
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
                (Event::Line(line), Some(answer)) => answer.lines.push(line),
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
        (None, Some(answer)) if complete => facts(asked, pop3::form(asked), answer),
        other => Err(format!("couldn't be read: {other:?}")),
    };
    match facts {
        Err(_) if case.reject || case.either => Ok(()),
        Err(reason) => Err(reason),
        Ok(facts) if case.reject => Err(format!("wasn't rejected: {facts:?}")),
        Ok(facts) => {
            let kind = run.answer.as_ref().map_or("nothing", |answer| pop3::kind(&answer.reply));
            if kind != case.kind {
                return Err(format!("was read as {kind}, not {}", case.kind));
            }
            let check = |(key, expected): (&String, &Value)| facts.check(key, expected);
            case.facts.iter().try_for_each(check).map_err(|error| error.to_string())
        }
    }
}

/// What was read of a complete answer.
fn facts(asked: &str, form: AnswerForm, answer: &Answer) -> Result<Facts, String> {
    let said = |error: ParseError| error.to_string();
    let mut told = pop3::Answer::new(asked, &answer.reply, Default::default());
    told.status(&answer.reply).map_err(said)?;
    for line in &answer.lines {
        told.line(line).map_err(said)?;
    }
    let has_body = answer.reply.is_ok() && form == AnswerForm::Message;
    Ok(told.into_facts(has_body.then_some(Content::Whole(&answer.body))))
}
