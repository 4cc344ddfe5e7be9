//! The three protocols, as a server that means well speaks them, and as a client gets as far as its login.

use mail_client::{Error, imap::ImapClient};

use crate::peer::{HOST, PASSWORD, Peer, USER};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Imap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Implicit,
    StartTls,
    /// For the proof that what is in the clear is seen.
    None,
}

impl Protocol {
    pub(crate) const ALL: [Self; 1] = [Self::Imap];

    pub(crate) fn greeting(self) -> &'static str {
        match self {
            Self::Imap => "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\r\n",
        }
    }

    /// One that leaves it to the client to ask.
    pub(crate) fn bare_greeting(self) -> &'static str {
        match self {
            Self::Imap => "* OK hello\r\n",
        }
    }

    /// The tag of a line, and its command.
    pub(crate) fn parts(self, line: &str) -> (&str, &str) {
        match self {
            Self::Imap => line.split_once(' ').unwrap_or((line, "")),
        }
    }

    /// What a server that means well answers; `{tag}` stands for the tag.
    pub(crate) fn answer(self, command: &str, is_inside: bool) -> &'static str {
        let keyword = command.split(' ').next().unwrap_or_default();
        match self {
            Self::Imap => match keyword {
                "CAPABILITY" if is_inside => "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n{tag} OK .\r\n",
                "CAPABILITY" => "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK .\r\n",
                "SELECT" | "EXAMINE" => {
                    "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] .\r\n* OK [UIDNEXT 4] .\r\n{tag} OK [READ-WRITE] .\r\n"
                }
                "LOGOUT" => "* BYE .\r\n{tag} OK .\r\n",
                _ => "{tag} OK .\r\n",
            },
        }
    }

    /// What is in a server's yes.
    pub(crate) fn agreement(self) -> &'static [u8] {
        match self {
            Self::Imap => b" OK ",
        }
    }

    /// What a server says that doesn't want TLS, or doesn't know what it is.
    pub(crate) fn refusals(self) -> &'static [&'static str] {
        match self {
            Self::Imap => &["{tag} NO not now\r\n", "{tag} BAD what?\r\n", "* BYE no\r\n", "nonsense\r\n"],
        }
    }

    /// What somebody on the way puts behind the server's answer to STARTTLS, to be taken for what comes inside.
    pub(crate) fn smuggled(self) -> &'static [&'static str] {
        match self {
            Self::Imap => &[
                "{tag} OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
                "{tag} OK go\r\nA2 OK done\r\n",
                "{tag} OK go\r\n* 17 EXISTS\r\n",
                "{tag} OK go\r\n\r\n",
                "{tag} OK go\r\nx",
            ],
        }
    }

    /// Greetings and answers before TLS that would do harm if they were believed.
    pub(crate) fn forged_greetings(self) -> &'static [&'static str] {
        match self {
            Self::Imap => &[
                // Logged in by somebody else.
                "* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n",
                // Answers to what was never asked.
                "* OK hello\r\nA1 OK done\r\n",
                "* OK hello\r\nA1 OK done\r\nA2 OK done\r\nA3 OK done\r\n",
            ],
        }
    }

    /// Logs in, and does something harmless.
    pub(crate) async fn connect(self, peer: &Peer, protection: Protection) -> Result<(), Error> {
        match self {
            Self::Imap => {
                let builder = ImapClient::builder(HOST, USER).password(PASSWORD);
                let builder = builder.connector(peer.clone()).tls(peer.tls()).max_connections(1);
                let client = match protection {
                    Protection::Implicit => builder,
                    Protection::StartTls => builder.starttls(),
                    Protection::None => builder.plaintext_without_encryption(),
                };
                let client = client.build()?;
                let outcome = client.noop().await;
                client.close().await;
                outcome
            }
        }
    }
}
