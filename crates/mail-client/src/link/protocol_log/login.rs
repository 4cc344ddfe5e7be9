//! What is shown of a login, whatever the protocol: by which mechanism, and how it was answered. What either side says
//! in words is left out: some servers quote what they didn't understand, and a challenge is half of a secret.

/// Commands that hold a secret, or a name, and nothing else.
const SECRET: [&str; 4] = ["LOGIN", "USER", "PASS", "APOP"];

/// Commands that begin an exchange.
const EXCHANGE: [&str; 2] = ["AUTH", "AUTHENTICATE"];

/// How a line begins that answers; in SMTP by three digits.
const ANSWERS: [&str; 8] = ["OK", "NO", "BAD", "BYE", "PREAUTH", "+OK", "-ERR", "+"];

/// What is shown of a command, without its tag, if it is a login's.
pub(super) fn command(text: &str) -> Option<String> {
    let (name, argument) = text.split_once(' ').unwrap_or((text, ""));
    let name = name.to_ascii_uppercase();
    if SECRET.contains(&name.as_str()) {
        return Some(format!("{name} …"));
    }
    if !EXCHANGE.contains(&name.as_str()) {
        return None;
    }
    Some(match argument.split_once(' ') {
        Some((mechanism, _)) => format!("{name} {mechanism} …"),
        None => format!("{name} {argument}"),
    })
}

/// What is shown of an answer, without its tag: of which kind it is, and its code.
pub(super) fn answer(text: &str) -> String {
    let has_digits = text.bytes().take_while(u8::is_ascii_digit).count() == 3;
    let (kind, said) = if has_digits {
        // Whether further lines follow is part of it.
        text.split_at_checked(4).unwrap_or((text, ""))
    } else {
        text.split_at(text.find(' ').map_or(text.len(), |space| space + 1))
    };
    let is_answer = match has_digits {
        true => matches!(&kind[3..], "" | " " | "-"),
        false => ANSWERS.iter().any(|known| known.eq_ignore_ascii_case(kind.trim_end())),
    };
    match (is_answer, said) {
        (false, _) => "…".to_owned(),
        (true, "") => kind.trim_end().to_owned(),
        (true, said) => format!("{kind}{}…", code(said).unwrap_or_default()),
    }
}

/// The code that stands before the words, and the space behind it: `[SYS/TEMP] `, `5.7.8 `.
fn code(said: &str) -> Option<String> {
    let is_of = |text: &str, also: fn(&u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || also(&byte))
    };
    let Some(bracketed) = said.strip_prefix('[') else {
        let enhanced = said.split(' ').next()?;
        return is_of(enhanced, |byte| *byte == b'.').then(|| format!("{enhanced} "));
    };
    let (code, _) = bracketed.split_once(']')?;
    let name = code.split(' ').next()?;
    if name.eq_ignore_ascii_case("CAPABILITY") {
        return Some(format!("[{code}] "));
    }
    let is_name = is_of(name, |byte| byte.is_ascii_uppercase() || b"/-".contains(byte));
    is_name.then(|| if name.len() < code.len() { format!("[{name} …] ") } else { format!("[{name}] ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_command_the_mechanism_is_shown() {
        for (text, expected) in [
            ("login kim SECRET", Some("LOGIN …")),
            ("PASS SECRET word", Some("PASS …")),
            ("AUTH PLAIN SECRET", Some("AUTH PLAIN …")),
            ("AUTHENTICATE CRAM-MD5", Some("AUTHENTICATE CRAM-MD5")),
            ("AUTH", Some("AUTH ")),
            ("NOOP", None),
        ] {
            assert_eq!(command(text).as_deref(), expected);
        }
    }

    #[test]
    fn of_an_answer_its_kind_and_code_are_shown() {
        for (text, expected) in [
            ("OK", "OK"),
            ("OK [CAPABILITY IMAP4rev1 IDLE] welcome SECRET", "OK [CAPABILITY IMAP4rev1 IDLE] …"),
            ("NO [AUTHENTICATIONFAILED] no SECRET", "NO [AUTHENTICATIONFAILED] …"),
            ("NO [X-secret] no", "NO …"),
            ("no [X secret] no", "no [X …] …"),
            ("BAD what is SECRET", "BAD …"),
            ("-ERR [SYS/TEMP] what is SECRET", "-ERR [SYS/TEMP] …"),
            ("+OK SECRET", "+OK …"),
            ("+ SECRET", "+ …"),
            ("+", "+"),
            ("SECRET", "…"),
            ("SECRET OK", "…"),
            ("334 SECRET", "334 …"),
            ("535 5.7.8 SECRET", "535 5.7.8 …"),
            ("535-5.7.8 SECRET", "535-5.7.8 …"),
            ("535", "535"),
            ("535 ", "535"),
            ("123SECRET", "…"),
            ("123é", "…"),
            ("1234 SECRET", "…"),
            ("5.7.8", "…"),
        ] {
            assert_eq!(answer(text), expected, "{text}");
        }
    }
}
