//! `cargo xtask servers`: throw-away mail servers that stay up until they are taken down.
//!
//! Each is linked from `target/servers/NAME`, where `server.json` says how to reach it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use system_tests::servers::{self, Info, Server, ServerError, courier, cyrus, debian, dovecot, postfix};

use crate::cargo;

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Start one on free ports of 127.0.0.1, and print one JSON line: ports, user, password, ca_file …
    Up {
        #[command(flatten)]
        server: Named,
        /// Install Dovecot if it is missing (as root; with CI=true unasked). The others are never installed on the
        /// machine, but beside it
        #[arg(long)]
        install: bool,
        /// Connections that a user (with Postfix and Courier: an address) may have; the server's own default if not given
        #[arg(long, value_name = "N")]
        max_userip_connections: Option<u32>,
    },
    /// Stop it, and remove its folder
    Down {
        #[command(flatten)]
        server: Named,
    },
    /// Print the JSON lines of those that are up, or of one; with one, fail if it isn't
    Status {
        server: Option<ServerKind>,
        /// The name that it was started by, if not the server's own
        #[arg(long, requires = "server")]
        name: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Named {
    server: ServerKind,
    /// Tells several apart; the server's own name if not given
    #[arg(long)]
    name: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ServerKind {
    /// IMAP and POP3
    Dovecot,
    /// SMTP submission, delivering into a folder
    Postfix,
    /// IMAP and POP3
    Cyrus,
    /// IMAP and POP3
    Courier,
}

/// What is to be started.
enum Wanted {
    Dovecot(dovecot::Options),
    Postfix(postfix::Options),
    Cyrus(servers::Options),
    Courier(servers::Options),
}

pub(crate) fn run(action: &Action) -> Result<(), String> {
    let links = cargo::target_dir()?.join("servers");
    match action {
        Action::Up { server, install, max_userip_connections } => {
            let wanted = Wanted::new(server.server, *max_userip_connections);
            up(&links, &server.link(&links)?, &wanted, *install || debian::may_install())
        }
        Action::Down { server } => down(&server.link(&links)?),
        Action::Status { server: Some(server), name } => {
            let link = Named { server: *server, name: name.clone() }.link(&links)?;
            let info = linked(&link)?.filter(Info::is_running);
            println!("{}", info.ok_or_else(|| format!("{} is not up", link.display()))?.to_json());
            Ok(())
        }
        Action::Status { server: None, .. } => {
            let mut links: Vec<PathBuf> = match fs::read_dir(&links) {
                Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(e) => return Err(format!("{}: {e}", links.display())),
            };
            links.sort();
            for link in links {
                if let Some(info) = linked(&link)?.filter(Info::is_running) {
                    println!("{}", info.to_json());
                }
            }
            Ok(())
        }
    }
}

impl Named {
    /// Where its link is.
    fn link(&self, links: &Path) -> Result<PathBuf, String> {
        let own = match self.server {
            ServerKind::Dovecot => "dovecot",
            ServerKind::Postfix => "postfix",
            ServerKind::Cyrus => "cyrus",
            ServerKind::Courier => "courier",
        };
        let name = self.name.as_deref().unwrap_or(own);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!("a name has letters, digits, `-` and `_`, not `{name}`"));
        }
        Ok(links.join(name))
    }
}

impl Wanted {
    fn new(server: ServerKind, max_connections: Option<u32>) -> Self {
        let common = || {
            let mut options = servers::Options::default();
            options.max_connections = max_connections;
            options.stays = true;
            options
        };
        match server {
            ServerKind::Dovecot => {
                let mut options = dovecot::Options::default();
                options.max_userip_connections = max_connections;
                options.stays = true;
                Self::Dovecot(options)
            }
            ServerKind::Postfix => {
                let mut options = postfix::Options::default();
                options.max_connections = max_connections;
                options.stays = true;
                Self::Postfix(options)
            }
            ServerKind::Cyrus => Self::Cyrus(common()),
            ServerKind::Courier => Self::Courier(common()),
        }
    }

    /// Whether a server was started like this.
    fn is(&self, info: &Info) -> bool {
        match self {
            Self::Dovecot(options) => options.are_those_of(info),
            Self::Postfix(options) => options.are_those_of(info),
            Self::Cyrus(options) | Self::Courier(options) => options.are_those_of(info),
        }
    }

    fn start(&self, install: bool) -> Result<Server, ServerError> {
        match self {
            Self::Dovecot(options) => {
                if install {
                    dovecot::install()?;
                }
                dovecot::start(options)
            }
            Self::Postfix(options) => postfix::start(options),
            Self::Cyrus(options) => cyrus::start(options),
            Self::Courier(options) => courier::start(options),
        }
    }
}

fn up(links: &Path, link: &Path, wanted: &Wanted, install: bool) -> Result<(), String> {
    if let Some(info) = linked(link)? {
        if !info.is_running() {
            down(link)?;
        } else if wanted.is(&info) {
            println!("{}", info.to_json());
            return Ok(());
        } else {
            return Err(format!("{} is already up, with other options: {}", link.display(), info.options));
        }
    }
    fs::create_dir_all(links).map_err(|e| format!("{}: {e}", links.display()))?;
    let server = wanted.start(install).map_err(|e| e.to_string())?;
    symlink(&server.info().dir, link).map_err(|e| format!("{}: {e}", link.display()))?;
    println!("{}", server.detach().to_json());
    Ok(())
}

fn down(link: &Path) -> Result<(), String> {
    match linked(link)? {
        Some(info) => info.stop().map_err(|e| e.to_string())?,
        None => eprintln!("{} is not up", link.display()),
    }
    match fs::remove_file(link) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(format!("{}: {e}", link.display())),
        _ => Ok(()),
    }
}

/// The server behind a link; None if there is no link, or if its folder is gone.
fn linked(link: &Path) -> Result<Option<Info>, String> {
    let Ok(dir) = fs::read_link(link) else { return Ok(None) };
    if !dir.exists() {
        let _ = fs::remove_file(link);
        return Ok(None);
    }
    Info::read(&dir).map(Some).map_err(|e| e.to_string())
}
