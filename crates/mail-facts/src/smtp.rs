//! What was read of SMTP.

use bytes::Bytes;
use mail_proto::smtp::{Command, Extension, Extensions, MailParameters, Notify, RcptParameters, Reply, Ret};
use serde_json::Value;

use crate::facts::{Content, Facts, Tree};

/// The keyword of a reply: its three digits.
pub fn kind(reply: &Reply) -> String {
    reply.code.to_string()
}

/// Adds what a reply tells: `code`, `enhanced`, `text` (of all lines), `lines`, and of a reply to EHLO `caps`, `size`
/// and `auth`. Such a reply is told by its form.
pub fn reply(reply: &Reply, facts: &mut Facts) {
    facts.json("code", reply.code.get());
    facts.json("enhanced", reply.enhanced.map(|code| code.to_string()));
    facts.text("text", reply.lines.join(&b'\n'));
    facts.words("lines", &reply.lines);
    if !is_ehlo(reply) {
        return;
    }
    let extensions = Extensions::of(reply);
    facts.words("caps", reply.lines.iter().skip(1).map(|line| line.trim_ascii().to_ascii_uppercase()));
    if let Some(limit) = extensions.size() {
        facts.json("size", limit);
    }
    if extensions.iter().any(|extension| matches!(extension, Extension::Auth(_))) {
        facts.words("auth", extensions.auth());
    }
}

/// `ehlo-ok-rsp`: 250 on several lines, without an enhanced code, each line but the first with a keyword.
fn is_ehlo(reply: &Reply) -> bool {
    let keyword = |line: &Bytes| {
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'=')).unwrap_or(line.len());
        end > 0 && line[..end].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    reply.code.get() == 250
        && reply.enhanced.is_none()
        && reply.lines.len() > 1
        && reply.lines.iter().skip(1).all(keyword)
}

/// Adds what a command says. Passwords and the like are left out.
pub fn command(command: &Command, facts: &mut Facts) {
    match command {
        Command::Ehlo(domain) | Command::Helo(domain) => drop(facts.text("domain", domain)),
        Command::Auth { mechanism, initial } => {
            facts.text("mechanism", mechanism).json("initial_response", initial.is_some());
        }
        Command::Mail { from, parameters } => {
            facts.nullable("from", from.as_ref().map(|from| from.as_str()));
            mail(parameters, facts);
        }
        Command::Rcpt { to, parameters } => {
            facts.text("to", to.as_str());
            rcpt(parameters, facts);
        }
        Command::Bdat { size, last } => drop(facts.json("size", *size).json("last", *last)),
        Command::Vrfy(text) => drop(facts.text("text", text)),
        _ => {}
    }
}

/// Adds the message, or the part of it, that follows a command, and whether a CR or LF stands alone in it, if that
/// was looked for.
pub fn body(content: Content<'_>, lone_line_break: Option<bool>, facts: &mut Facts) {
    facts.content("body", Some(content)).json("body_len", content.len());
    if let Some(is_there) = lone_line_break {
        facts.json("lone_line_break", is_there);
    }
}

fn mail(parameters: &MailParameters, facts: &mut Facts) {
    if let Some(size) = parameters.size {
        facts.json("size", size);
    }
    if let Some(body) = parameters.body {
        facts.json("body_type", body.name());
    }
    if parameters.smtp_utf8 {
        facts.json("smtputf8", true);
    }
    if let Some(ret) = parameters.ret {
        facts.json("ret", if ret == Ret::Full { "FULL" } else { "HDRS" });
    }
    if let Some(id) = &parameters.envelope_id {
        facts.text("envid", id);
    }
    if let Some(submitter) = &parameters.auth {
        facts.text("auth", submitter);
    }
    if parameters.require_tls {
        facts.json("requiretls", true);
    }
    others(&parameters.other, facts);
}

fn rcpt(parameters: &RcptParameters, facts: &mut Facts) {
    if let Some(Notify { success, failure, delay }) = parameters.notify {
        let wanted = [("SUCCESS", success), ("FAILURE", failure), ("DELAY", delay)];
        let wanted: Vec<_> = wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
        facts.json("notify", wanted);
    }
    if let Some((kind, address)) = &parameters.original {
        facts.tree("orcpt", Tree::List(vec![Tree::text(kind), Tree::text(address)]));
    }
    others(&parameters.other, facts);
}

fn others(others: &[(Bytes, Option<Bytes>)], facts: &mut Facts) {
    if others.is_empty() {
        return;
    }
    let others = others.iter().map(|(name, value)| {
        let value = value.as_ref().map_or(Tree::Other(Value::Null), Tree::text);
        (String::from_utf8_lossy(name).into_owned(), value)
    });
    facts.tree("parameters", Tree::Map(others.collect()));
}
