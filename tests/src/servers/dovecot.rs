//! Dovecot 2.3, as Debian's packages bring it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::launch::{self, By, Launch, on_free_ports};
use super::{Info, Server, ServerError, debian, free_ports, tls};

/// The packages that bring it.
pub const PACKAGES: [&str; 2] = ["dovecot-imapd", "dovecot-pop3d"];

/// The modules that the packages bring; one without the other is not enough.
const PROGRAMS: [&str; 2] = ["/usr/lib/dovecot/imap", "/usr/lib/dovecot/pop3"];

/// The user who may log in.
const USER: &str = "tester";

/// Whom mail belongs to when Dovecot runs as root, which it refuses as the owner of mail: a user that every Debian has.
const MAIL_OWNER: &str = "mail";

/// What may be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// `mail_max_userip_connections`; Dovecot's own default (10 for IMAP, 3 for POP3) if None.
    pub max_userip_connections: Option<u32>,
    /// `imap_capability`: what the server says it can do. It can the same whatever it says.
    pub imap_capability: Option<String>,
    /// Whether there are limits on mail (1 MB, 100 messages), rights, values kept with mailboxes, and a mailbox for
    /// each special use.
    pub extensions: bool,
    /// Whether the server stays up after the program that started it.
    pub stays: bool,
}

impl Options {
    fn to_json(&self) -> Value {
        json!({
            "max_userip_connections": self.max_userip_connections,
            "imap_capability": self.imap_capability,
            "extensions": self.extensions,
        })
    }

    /// Whether a server was started with these.
    pub fn are_those_of(&self, info: &Info) -> bool {
        info.options == self.to_json()
    }
}

/// Whether it is installed.
pub fn is_installed() -> bool {
    debian::find_program("dovecot").is_some() && PROGRAMS.iter().all(|program| Path::new(program).exists())
}

/// Installs what is missing.
///
/// # Errors
/// [`ServerError::Install`].
pub fn install() -> Result<(), ServerError> {
    if is_installed() { Ok(()) } else { debian::install(&PACKAGES) }
}

/// Its program and version.
///
/// # Errors
/// [`ServerError::NotInstalled`], [`ServerError::Version`].
pub fn find() -> Result<(PathBuf, String), ServerError> {
    let missing =
        || ServerError::NotInstalled { server: "dovecot", program: "Dovecot", packages: PACKAGES.join(" ") };
    let program = debian::find_program("dovecot").filter(|_| is_installed()).ok_or_else(missing)?;
    let version = version(&program)?;
    Ok((program, version))
}

/// Starts one, and returns when it answers on all its ports: `imap`, `imaps`, `pop3`, `pop3s`.
///
/// # Errors
/// [`ServerError::NotInstalled`], [`ServerError::Version`], [`ServerError::Start`], or what kept the folder from
/// being made.
pub fn start(options: &Options) -> Result<Server, ServerError> {
    let (program, version) = find()?;
    on_free_ports(|| start_once(&program, &version, options))
}

fn version(program: &Path) -> Result<String, ServerError> {
    let output = Command::new(program).arg("--version").output().map_err(ServerError::io("run", program))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version.starts_with("2.3.") {
        return Ok(version);
    }
    Err(ServerError::Version { server: "Dovecot", version, needed: "2.3 (later ones configure differently)" })
}

fn start_once(program: &Path, version: &str, options: &Options) -> Result<Server, ServerError> {
    let dir = launch::folder("dovecot")?;
    let path = dir.path();
    let tls = tls::make(path)?;
    let password = launch::password()?;
    let owner = Owner::of_mail()?;
    let mail = path.join("mail");
    fs::create_dir(&mail).map_err(ServerError::io("create", &mail))?;
    chown(&mail, Some(owner.uid), Some(owner.gid)).map_err(ServerError::io("give away", &mail))?;
    tls::write(&path.join("users"), &format!("{USER}:{{PLAIN}}{password}\n"), 0o644)?;

    let ports: [u16; 4] = free_ports()?;
    let configuration = path.join("dovecot.conf");
    tls::write(&configuration, &configure(path, ports, &tls, &owner, options), 0o644)?;

    let mut command = Command::new(program);
    command.arg("-F").arg("-c").arg(&configuration);
    let info = Info {
        server: "dovecot".to_owned(),
        version: version.to_owned(),
        ports: launch::named(["imap", "imaps", "pop3", "pop3s"], ports),
        user: USER.to_owned(),
        password,
        ca_file: tls.ca,
        dir: path.to_owned(),
        options: options.to_json(),
        pid: 0,
        pid_start: 0,
    };
    let (sign, stays, revival) = (" starting up for ", options.stays, By::Command);
    Launch { title: "Dovecot", info, command, sign, stays, revival }.start(dir)
}

/// The configuration file. Nothing waits for the disk: a server that ends badly is thrown away. A user's folders carry the names that the mailboxes have, with `/` between levels, so
/// that names may hold a dot; no login is slowed down or penalised, because failing ones are part of the tests.
fn configure(
    dir: &Path,
    [imap, imaps, pop3, pop3s]: [u16; 4],
    tls: &tls::TlsFiles,
    owner: &Owner,
    options: &Options,
) -> String {
    let dir = dir.display();
    let limit = options
        .max_userip_connections
        .map(|n| format!("mail_max_userip_connections = {n}\n"))
        .unwrap_or_default();
    let capability = options
        .imap_capability
        .as_ref()
        .map(|names| format!("  imap_capability = {names}\n"))
        .unwrap_or_default();
    let extensions = if options.extensions { EXTENSIONS } else { Extensions::default() };
    // Without root nothing can change its user or its root folder.
    let users = if debian::is_root() {
        String::new()
    } else {
        format!(
            "default_internal_user = {name}\ndefault_internal_group = {group}\ndefault_login_user = {name}\n\
             service imap-login {{\n  chroot =\n}}\nservice pop3-login {{\n  chroot =\n}}\nservice anvil {{\n  chroot =\n}}\n",
            name = owner.name,
            group = owner.group,
        )
    };
    format!(
        "protocols = imap pop3
listen = 127.0.0.1
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
default_vsz_limit = 1G
first_valid_uid = 1
mail_location = sdbox:~/sdbox
mail_fsync = never
mail_plugins = zlib{plugins}
{settings}passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}}}
{limit}protocol imap {{
  mail_plugins = zlib imap_zlib{plugins}{imap_plugins}
{capability}}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{users}",
        certificate = tls.certificate.display(),
        key = tls.key.display(),
        uid = owner.uid,
        gid = owner.gid,
        plugins = extensions.plugins,
        imap_plugins = extensions.imap_plugins,
        settings = extensions.settings,
        mailboxes = extensions.mailboxes,
    )
}

/// What [`Options::extensions`] adds to the configuration.
#[derive(Default)]
struct Extensions {
    plugins: &'static str,
    imap_plugins: &'static str,
    settings: &'static str,
    mailboxes: &'static str,
}

const EXTENSIONS: Extensions = Extensions {
    plugins: " quota acl",
    imap_plugins: " imap_quota imap_acl",
    settings: "imap_metadata = yes
mail_attribute_dict = file:%h/attributes
plugin {
  acl = vfile
  quota = count:Mail
  quota_vsizes = yes
  quota_rule = *:storage=1M:messages=100
}
",
    mailboxes: "  mailbox Drafts {
    special_use = \\Drafts
    auto = create
  }
  mailbox Bin {
    special_use = \\Trash
    auto = subscribe
  }
",
};

/// The user whom mail belongs to.
struct Owner {
    name: String,
    group: String,
    uid: u32,
    gid: u32,
}

impl Owner {
    /// [`MAIL_OWNER`] if this process is root, else its own user.
    fn of_mail() -> Result<Self, ServerError> {
        let path = Path::new("/proc/self");
        let own = fs::metadata(path).map_err(ServerError::io("read", path))?.uid();
        let is_wanted = |name: &str, uid: u32| if own == 0 { name == MAIL_OWNER } else { uid == own };
        let (name, uid, gid) =
            entry("/etc/passwd", |name, numbers| is_wanted(name, numbers[0]).then_some(*numbers.get(1)?))?;
        let (group, gid, ()) = entry("/etc/group", |_, numbers| (numbers[0] == gid).then_some(()))?;
        Ok(Self { name, group, uid, gid })
    }
}

/// The first entry of a table of accounts that is wanted: its name, its number, and what was made of it from the
/// name and the numbers behind it.
fn entry<T>(path: &str, wanted: impl Fn(&str, &[u32]) -> Option<T>) -> Result<(String, u32, T), ServerError> {
    let path = Path::new(path);
    let table = fs::read_to_string(path).map_err(ServerError::io("read", path))?;
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let numbers: Vec<u32> = fields.skip(1).map_while(|field| field.parse().ok()).collect();
        let made = wanted(&name, numbers.get(..1).map(|_| &numbers[..])?)?;
        Some((name, numbers[0], made))
    };
    let missing = || ServerError::io("find an account in", path)(io::ErrorKind::NotFound.into());
    table.lines().find_map(parse).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_written_only_when_it_is_given() {
        let tls = || tls::TlsFiles { ca: "a".into(), certificate: "c".into(), key: "k".into() };
        let owner = Owner { name: "mail".to_owned(), group: "mail".to_owned(), uid: 8, gid: 12 };
        let write = |options: &Options| configure(Path::new("/tmp/x"), [1, 2, 3, 4], &tls(), &owner, options);
        assert!(!write(&Options::default()).contains("mail_max_userip_connections"));
        let four = Options { max_userip_connections: Some(4), ..Options::default() };
        assert!(write(&four).contains("uid=8 gid=12 "));
        assert!(write(&four).contains("\nmail_max_userip_connections = 4\n"));
    }
}
