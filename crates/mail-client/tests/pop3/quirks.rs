//! What servers get wrong, through the whole client: the POP3 part of the corpus.

use std::{fs, path::Path, time::Duration};

use mail_client::{Error, ErrorKind, Result, pop3::Pop3Client};
use serde_json::Value;

use super::peer::{Answer, Peer};

/// One case: what it is, and the bytes.
struct Case {
    about: Value,
    bytes: Vec<u8>,
}

impl Case {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/quirks/pop3");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let abouts = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        abouts
            .map(|path| Self {
                about: serde_json::from_slice(&fs::read(&path).unwrap()).unwrap(),
                bytes: fs::read(path.with_extension("bin")).unwrap(),
            })
            .collect()
    }

    fn name(&self) -> &str {
        self.about["name"].as_str().unwrap()
    }

    fn command(&self) -> &str {
        self.about["command"].as_str().unwrap()
    }

    fn is_readable(&self) -> bool {
        self.about["expect"] == "ok"
    }

    /// A fact that is text, or bytes in hexadecimal digits.
    fn bytes_of(fact: &Value, hex: bool) -> Vec<u8> {
        let text = fact.as_str().unwrap();
        if !hex {
            return text.as_bytes().to_vec();
        }
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    /// A server that says this in its place. One whose answer can't be read hangs up behind it.
    fn peer(&self) -> Peer {
        let (bytes, ends) = (self.bytes.clone(), !self.is_readable());
        let command = if self.command() == "GREETING" { "" } else { self.command() }.to_owned();
        // An answer to CAPA that names mechanisms would change the login; that to the second CAPA is as good.
        Peer::scripted("UIDL\r\nTOP\r\nUTF8\r\nLANG\r\n", move |_, line| {
            let is_meant = match command.as_str() {
                "PASS" => line.starts_with("PASS "),
                "USER" => line.starts_with("USER "),
                command => line == command,
            };
            match is_meant {
                true if ends => Answer::Cut(bytes.clone()),
                true => Answer::Say(bytes.clone()),
                false => Answer::Usual,
            }
        })
    }
}

/// What the client makes of a case whose command it uses; `None` of others.
async fn outcome(case: &Case, client: &Pop3Client) -> Option<Result<()>> {
    let facts = &case.about["facts"];
    Some(match case.command() {
        "GREETING" | "USER" | "PASS" | "UTF8" => client.noop().await,
        "STAT" => client.stat().await.map(|drop| {
            assert_eq!(facts["count"], drop.count, "{}", case.name());
            assert_eq!(facts["octets"], drop.octets, "{}", case.name());
        }),
        "LIST" => client.session().await.unwrap().list().await.map(|listed| {
            assert_eq!(facts["listing"].as_array().unwrap().len(), listed.len(), "{}", case.name());
        }),
        "UIDL" => client.uidl().await.map(|uids| {
            let (told, hex) = match &facts["uids"] {
                Value::Null => (&facts["uids_hex"], true),
                told => (told, false),
            };
            let told = told.as_array().unwrap().iter().map(|pair| Case::bytes_of(&pair[1], hex));
            // What has no name isn't among the names.
            let told: Vec<_> = told.filter(|uid| !uid.is_empty()).collect();
            assert_eq!(
                uids.iter().map(|uid| uid.as_bytes().to_vec()).collect::<Vec<_>>(),
                told,
                "{}",
                case.name()
            );
        }),
        "RETR 1" | "TOP 1 0" | "RETR 9" => {
            let session = client.session().await.unwrap();
            let content = async {
                let reader = match case.command() {
                    "RETR 1" => session.retrieve(1).await?,
                    "RETR 9" => session.retrieve(9).await?,
                    _ => session.top(1, 0).await?,
                };
                reader.bytes().await
            };
            content.await.map(|content| match (&facts["body"], &facts["body_hex"], &facts["body_len"]) {
                (body @ Value::String(_), _, _) => {
                    assert_eq!(content, Case::bytes_of(body, false), "{}", case.name())
                }
                (_, body @ Value::String(_), _) => {
                    assert_eq!(content, Case::bytes_of(body, true), "{}", case.name())
                }
                (_, _, len) => assert_eq!(content.len() as u64, len.as_u64().unwrap(), "{}", case.name()),
            })
        }
        "CAPA" => client.capabilities().await.map(|capabilities| {
            for line in facts["caps"].as_array().unwrap() {
                let line = line.as_str().unwrap().as_bytes();
                let has = capabilities.iter().any(|one| one.encode().unwrap().eq_ignore_ascii_case(line));
                assert!(has, "{}: {capabilities:?}", case.name());
            }
        }),
        "LANG" => client.languages().await.map(|languages| {
            let lines: Vec<_> = languages.iter().map(|one| format!("{} {}", one.tag, one.name)).collect();
            assert_eq!(facts["lines"], Value::from(lines), "{}", case.name());
        }),
        "DELE 1" => client.session().await.unwrap().delete(1).await,
        "RSET" => client.session().await.unwrap().undelete_all().await,
        "QUIT" => {
            let session = client.session().await.unwrap();
            session.delete(1).await.unwrap();
            session.commit().await
        }
        // Of one message, of STLS and of what is obsolete nobody asks here.
        _ => return None,
    })
}

#[tokio::test(start_paused = true)]
async fn the_corpus_is_read_through_the_whole_client() {
    let mut read = 0;
    for case in Case::all() {
        let peer = case.peer();
        let client = peer.builder().utf8(true).build().unwrap().with_deadline(Duration::from_millis(500));
        let Some(outcome) = outcome(&case, &client).await else { continue };
        read += 1;
        let name = case.name();
        match (case.is_readable(), case.about["kind"] == "-ERR", outcome) {
            (true, false, outcome) => outcome.unwrap_or_else(|error| panic!("{name}: {error}")),
            (true, true, outcome) => {
                let error = outcome.unwrap_err();
                // What a login waits for shows in the pool's last refusal.
                let refusal = client.pool_status().last_refusal.map(|refusal| Error::clone(&refusal.error));
                let error = if error.text().is_some() { error } else { refusal.unwrap_or(error) };
                assert_eq!(case.about["facts"]["text"], error.text().unwrap(), "{name}");
                if let Some(code) = case.about["facts"].get("code") {
                    assert_eq!(code.as_str(), error.pop3_code().map(|code| code.name()), "{name}");
                }
            }
            (false, _, outcome) => {
                let kind = outcome.unwrap_err().kind();
                let expected = [ErrorKind::Protocol, ErrorKind::ConnectionLost, ErrorKind::TimedOut];
                assert!(expected.contains(&kind), "{name}: {kind:?}");
            }
        }
        client.close().await;
    }
    assert!(read > 50, "{read} cases");
}
