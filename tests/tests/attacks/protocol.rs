//! The three protocols, as a server that means well speaks them, and as a client gets as far as its login.

use mail_client::{Error, imap::ImapClient, pop3::Pop3Client, smtp::SmtpClient};

use crate::peer::{HOST, PASSWORD, Peer, USER};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Imap,
    Pop3,
    Smtp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Implicit,
    StartTls,
    /// For the proof that what is in the clear is seen.
    None,
}

impl Protocol {
    pub(crate) const ALL: [Self; 3] = [Self::Imap, Self::Pop3, Self::Smtp];

    pub(crate) fn greeting(self) -> &'static str {
        match self {
            Self::Imap => "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello\r\n",
            Self::Pop3 => "+OK hello <1.2@mail.example.org>\r\n",
            Self::Smtp => "220 mail.example.org ESMTP\r\n",
        }
    }

    /// One that leaves it to the client to ask.
    pub(crate) fn bare_greeting(self) -> &'static str {
        match self {
            Self::Imap => "* OK hello\r\n",
            Self::Pop3 | Self::Smtp => self.greeting(),
        }
    }

    /// The tag of a line, and its command.
    pub(crate) fn parts(self, line: &str) -> (&str, &str) {
        match self {
            Self::Imap => line.split_once(' ').unwrap_or((line, "")),
            Self::Pop3 | Self::Smtp => ("", line),
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
            Self::Pop3 => match keyword {
                "CAPA" if is_inside => "+OK\r\nUSER\r\nUIDL\r\nSASL PLAIN\r\n.\r\n",
                "CAPA" => "+OK\r\nSTLS\r\nUIDL\r\n.\r\n",
                _ => "+OK .\r\n",
            },
            Self::Smtp => match keyword {
                "EHLO" if is_inside => "250-hello\r\n250 AUTH PLAIN\r\n",
                "EHLO" => "250-hello\r\n250 STARTTLS\r\n",
                "STARTTLS" => "220 go\r\n",
                "AUTH" => "235 in\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            },
        }
    }

    /// What is in a server's yes.
    pub(crate) fn agreement(self) -> &'static [u8] {
        match self {
            Self::Imap => b" OK ",
            Self::Pop3 => b"+OK",
            Self::Smtp => b"220 ",
        }
    }

    /// What a server says that doesn't want TLS, or doesn't know what it is.
    pub(crate) fn refusals(self) -> &'static [&'static str] {
        match self {
            Self::Imap => &["{tag} NO not now\r\n", "{tag} BAD what?\r\n", "* BYE no\r\n", "nonsense\r\n"],
            Self::Pop3 => &["-ERR not now\r\n", "-ERR [SYS/TEMP] later\r\n", "nonsense\r\n", "+ go\r\n"],
            Self::Smtp => &["454 4.7.0 not now\r\n", "502 what?\r\n", "421 bye\r\n", "nonsense\r\n"],
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
            Self::Pop3 => {
                &["+OK go\r\n+OK\r\n", "+OK go\r\n+OK\r\nUSER\r\n.\r\n", "+OK go\r\n\r\n", "+OK go\r\nx"]
            }
            Self::Smtp => {
                &["220 go\r\n250 AUTH PLAIN\r\n", "220 go\r\n235 in\r\n", "220 go\r\n\r\n", "220 go\r\nx"]
            }
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
            Self::Pop3 => &["+OK hello\r\n+OK go\r\n", "+OK hello\r\n+OK\r\n+OK\r\n+OK\r\n"],
            Self::Smtp => &["220 hello\r\n250 AUTH PLAIN\r\n220 go\r\n", "220 hello\r\n235 in\r\n235 in\r\n"],
        }
    }

    /// Logs in, and does something harmless.
    pub(crate) async fn connect(self, peer: &Peer, protection: Protection) -> Result<(), Error> {
        macro_rules! connect {
            ($client:ident) => {{
                let builder = $client::builder(HOST, USER).password(PASSWORD);
                let builder = builder.connector(peer.clone()).tls(peer.tls()).max_connections(1);
                let client = match protection {
                    Protection::Implicit => builder,
                    Protection::StartTls => builder.starttls(),
                    Protection::None => builder.plaintext_without_encryption(),
                };
                let client = client.build()?;
                let outcome = client.noop().await;
                client.close().await;
                outcome.map(drop)
            }};
        }
        match self {
            Self::Imap => connect!(ImapClient),
            Self::Pop3 => connect!(Pop3Client),
            Self::Smtp => connect!(SmtpClient),
        }
    }
}
