//! One contender's share of a run: a process of its own, so that its processor time and its memory are its own.

use std::{
    env, fs,
    io::{self, Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};

use super::{Failed, async_imap, blocking, imap_next, meter::Taken, ours, reader, sync_imap};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// ENVELOPE, BODYSTRUCTURE and FLAGS of all messages, every value walked.
    List,
    /// The content of all messages.
    Bodies,
    /// A message goes up.
    Upload,
    /// NOOP, one by one or from many tasks.
    Noop,
    /// Connecting, logging in, selecting, logging out.
    Connect,
    /// Many messages go up.
    Append,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// Over a connection of one's own.
    Ours,
    /// Over main.
    OursMain,
    /// From the root of `block_on` instead of a task.
    OursRoot,
    /// With the login that comes unasked, SCRAM.
    OursScram,
    /// The client for threads.
    Blocking,
    AsyncImap,
    SyncImap,
    ImapNext,
    /// The raw socket.
    Reader,
}

impl Task {
    const ALL: [Self; 6] = [Self::List, Self::Bodies, Self::Upload, Self::Noop, Self::Connect, Self::Append];

    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Bodies => "bodies",
            Self::Upload => "upload",
            Self::Noop => "noop",
            Self::Connect => "connect",
            Self::Append => "append",
        }
    }
}

impl Contender {
    const ALL: [Self; 9] = [
        Self::Ours,
        Self::OursMain,
        Self::OursRoot,
        Self::OursScram,
        Self::Blocking,
        Self::AsyncImap,
        Self::SyncImap,
        Self::ImapNext,
        Self::Reader,
    ];

    /// As rows name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursMain => "main",
            Self::OursRoot => "root",
            Self::OursScram => "scram",
            Self::Blocking => "blocking",
            Self::AsyncImap => "async-imap",
            Self::SyncImap => "imap",
            Self::ImapNext => "imap-next",
            Self::Reader => "floor",
        }
    }

    /// As rows name it beside another that is ours.
    pub(super) fn as_rival(self) -> &'static str {
        if self == Self::Ours { ASYNC } else { self.name() }
    }

    /// Whether it is ours, used in another way.
    pub(super) fn is_variant(self) -> bool {
        matches!(self, Self::OursMain | Self::OursRoot | Self::OursScram)
    }
}

/// The client for tasks, as a rival of the one for threads.
pub(super) const ASYNC: &str = "async";

/// A piece of work, and where to do it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) contender: Contender,
    pub(super) port: u16,
    /// The authority's certificate; `None` for a connection in the clear.
    pub(super) ca_file: Option<PathBuf>,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) mailbox: String,
    /// Messages, commands or connections.
    pub(super) count: usize,
    /// Bytes of each message that goes up.
    pub(super) size: usize,
    pub(super) connections: usize,
    /// How many tasks, or how many commands in a window where there are no tasks.
    pub(super) tasks: usize,
}

impl Job {
    /// Has it done by a process of its own.
    pub(super) fn run(&self) -> Result<Taken, Failed> {
        let mut child = Command::new(env::current_exe()?)
            .arg(CHILD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(self.to_json().to_string().as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let taken = serde_json::from_slice(&output.stdout).ok().as_ref().and_then(Taken::from_json);
        taken.ok_or_else(|| format!("{} failed at {}", self.contender.name(), self.task.name()).into())
    }

    fn to_json(&self) -> Value {
        json!({
            "task": self.task.name(),
            "contender": self.contender.name(),
            "port": self.port,
            "ca_file": self.ca_file,
            "user": self.user,
            "password": self.password,
            "mailbox": self.mailbox,
            "count": self.count,
            "size": self.size,
            "connections": self.connections,
            "tasks": self.tasks,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let number = |name: &str| value[name].as_u64().and_then(|number| usize::try_from(number).ok());
        Some(Self {
            task: Task::ALL.into_iter().find(|task| value["task"] == task.name())?,
            contender: Contender::ALL.into_iter().find(|one| value["contender"] == one.name())?,
            port: number("port")?.try_into().ok()?,
            ca_file: text("ca_file").map(PathBuf::from),
            user: text("user")?,
            password: text("password")?,
            mailbox: text("mailbox")?,
            count: number("count")?,
            size: number("size")?,
            connections: number("connections")?,
            tasks: number("tasks")?,
        })
    }

    /// TLS as all contenders but ours are given it, which makes its own of the same certificate.
    pub(super) fn client_config(&self) -> Result<Option<Arc<ClientConfig>>, Failed> {
        let Some(ca_file) = &self.ca_file else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&fs::read(ca_file)?) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
    }

    /// Whom the certificate names.
    pub(super) fn server_name() -> ServerName<'static> {
        ServerName::IpAddress(std::net::IpAddr::from([127, 0, 0, 1]).into())
    }
}

/// The argument that makes this program such a process.
pub(crate) const CHILD: &str = "imap-child";

/// Does the job on standard input, and writes what it took.
pub(crate) fn child() -> Result<(), Failed> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let job = serde_json::from_str(&text).ok().as_ref().and_then(Job::from_json).ok_or("no job")?;
    let taken = match job.contender {
        Contender::Ours | Contender::OursMain | Contender::OursRoot | Contender::OursScram => ours::run(job)?,
        Contender::Blocking => blocking::run(&job)?,
        Contender::AsyncImap => async_imap::run(job)?,
        Contender::SyncImap => sync_imap::run(&job)?,
        Contender::ImapNext => imap_next::run(job)?,
        Contender::Reader => reader::run(&job)?,
    };
    println!("{}", taken.to_json());
    Ok(())
}
