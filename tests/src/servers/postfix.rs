//! Postfix, as Debian's packages bring it: a submission server that delivers into a folder.
//!
//! It takes mail from its user, who logs in as `tester` by PLAIN, LOGIN, CRAM-MD5 or SCRAM, for a few recipients of
//! [`DOMAIN`], and for nobody else: nothing that is sent to it leaves the machine.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::launch::{self, By, Launch, on_free_ports};
use super::overlay::Overlay;
use super::{Info, Server, ServerError, free_ports, tls};

/// The packages that bring it, and the mechanisms of its login.
pub const PACKAGES: [&str; 4] = ["postfix", "sasl2-bin", "libsasl2-modules", "libsasl2-modules-db"];

/// Where all its recipients are.
pub const DOMAIN: &str = "example.org";

/// Local parts of those who get mail. The first is the user; the last needs SMTPUTF8.
pub const RECIPIENTS: [&str; 5] = ["tester", "alice", "bob", "carol", "zoë"];

/// Local part of one who can't get mail now: refused with 450 4.2.1.
pub const DEFERRED: &str = "later";

/// Local part of one who has no room left: refused with 552 5.2.2. All who are not named here are refused with
/// 550 5.1.1.
pub const FULL: &str = "full";

/// What it takes unless told: 50 MiB.
const MESSAGE_SIZE: u64 = 50 << 20;

/// What may be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Connections that one address may have at a time, others get 421; any number if None.
    pub max_connections: Option<u32>,
    /// The largest message in bytes, announced by SIZE; 50 MiB if None.
    pub message_size: Option<u64>,
    /// EHLO keywords that it neither shows nor knows: `PIPELINING`, `CHUNKING`, `SMTPUTF8` …
    pub without: Vec<String>,
    /// As [`dovecot::Options::stays`](super::dovecot::Options::stays).
    pub stays: bool,
}

impl Options {
    fn to_json(&self) -> Value {
        json!({
            "max_connections": self.max_connections,
            "message_size": self.message_size,
            "without": self.without,
        })
    }

    /// Whether a server was started with these.
    pub fn are_those_of(&self, info: &Info) -> bool {
        info.options == self.to_json()
    }
}

/// Starts one, and returns when it listens on its ports: `smtp` (plain, with STARTTLS) and `smtps`.
///
/// # Errors
/// [`ServerError::Install`], [`ServerError::Start`], or what kept the folder from being made.
pub fn start(options: &Options) -> Result<Server, ServerError> {
    let overlay = Overlay::with_packages(&PACKAGES)?;
    on_free_ports(|| start_once(&overlay, options))
}

/// Where a recipient's mail is delivered to, as a Maildir.
pub fn maildir(server: &Info, local_part: &str) -> PathBuf {
    server.dir.join("mail").join(local_part)
}

/// A recipient's mail, as soon as so many messages have been delivered, in the order of their file names: the lines
/// that the server put before each are left out, and lines end as in the file, in LF.
///
/// # Errors
/// The folder can't be read, or there are fewer after two minutes: delivery follows the answer to the sender.
pub fn delivered(server: &Info, local_part: &str, count: usize) -> io::Result<Vec<Vec<u8>>> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let found = messages(&maildir(server, local_part).join("new"))?;
        if found.len() >= count {
            return Ok(found.values().map(|message| without_trace(message).to_vec()).collect());
        }
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("{local_part} has {} of {count} messages", found.len())));
        }
        // The folder is all that there is to look at: Postfix tells nobody else.
        sleep(Duration::from_millis(10));
    }
}

fn start_once(overlay: &Overlay, options: &Options) -> Result<Server, ServerError> {
    let dir = launch::folder("postfix")?;
    let path = dir.path();
    let tls = tls::make(path)?;
    let password = launch::password()?;
    let mail = path.join("mail");
    fs::create_dir(&mail).map_err(ServerError::io("create", &mail))?;
    let ports: [u16; 2] = free_ports()?;

    let write = |name: &str, text: &str| tls::write(&path.join(name), text, 0o644);
    write("main.cf", &main(path, &tls, options))?;
    write("master.cf", &master(ports))?;
    write("sasl.conf", SASL)?;
    write("mailboxes", &RECIPIENTS.map(|name| format!("{name}@{DOMAIN} {name}/\n")).concat())?;
    write(
        "refused",
        &format!("{DEFERRED}@{DOMAIN} 450 4.2.1 try later\n{FULL}@{DOMAIN} 552 5.2.2 mailbox full\n"),
    )?;
    tls::write(&path.join("password"), &password, 0o600)?;

    let command = overlay.command(path, &set_up())?;
    let info = Info {
        server: "postfix".to_owned(),
        version: overlay.version().to_owned(),
        ports: launch::named(["smtp", "smtps"], ports),
        user: RECIPIENTS[0].to_owned(),
        password,
        ca_file: tls.ca,
        dir: path.to_owned(),
        options: options.to_json(),
        pid: 0,
        pid_start: 0,
    };
    let (sign, stays, revival) = (": daemon started ", options.stays, By::Nothing);
    Launch { title: "Postfix", info, command, sign, stays, revival }.start(dir)
}

/// What the overlay runs, with the server's folder as `$1`.
fn set_up() -> String {
    format!(
        "cp \"$1/main.cf\" \"$1/master.cf\" /etc/postfix/
mkdir -p /etc/postfix/sasl
cp \"$1/sasl.conf\" /etc/postfix/sasl/smtpd.conf
chown {MAIL_OWNER}:{MAIL_OWNER} \"$1/mail\"
saslpasswd2 -p -c -u {DOMAIN} {user} < \"$1/password\"
chgrp postfix /etc/sasldb2
chmod 640 /etc/sasldb2
exec postfix start-fg
",
        user = RECIPIENTS[0],
    )
}

/// Whom mail belongs to: the user and the group `mail`, which every Debian has under this number.
const MAIL_OWNER: u32 = 8;

/// The login: passwords lie as they are, so that all mechanisms can use them.
const SASL: &str = "pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
";

/// The configuration. Mail is kept as it came: no header is added or changed but for the trace. No client is slowed
/// down or sent away for its errors, because they are part of the tests.
fn main(dir: &Path, tls: &tls::TlsFiles, options: &Options) -> String {
    format!(
        "compatibility_level = 2
maillog_file = /dev/stdout
myhostname = localhost
mydestination =
mynetworks =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtputf8_enable = yes
strict_smtputf8 = yes
strict_rfc821_envelopes = yes
smtpd_forbid_bare_newline = yes
message_size_limit = {size}
smtpd_discard_ehlo_keywords = {without}
smtpd_client_connection_count_limit = {connections}
smtpd_client_event_limit_exceptions =
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
smtpd_junk_command_limit = 1000000
in_flow_delay = 0
notify_classes =
local_header_rewrite_clients =
always_add_missing_headers = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {DOMAIN}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{dir}/refused, reject_unauth_destination
default_transport = error:5.7.1 mail stays here
relay_transport = error:5.7.1 mail stays here
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = texthash:{dir}/mailboxes
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{MAIL_OWNER}
virtual_gid_maps = static:{MAIL_OWNER}
",
        size = options.message_size.unwrap_or(MESSAGE_SIZE),
        without = options.without.join(", "),
        connections = options.max_connections.unwrap_or(0),
        certificate = tls.certificate.display(),
        key = tls.key.display(),
        dir = dir.display(),
    )
}

/// The services, none of which speaks to another machine.
fn master([smtp, smtps]: [u16; 2]) -> String {
    format!(
        "127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
"
    )
}

/// The messages in a folder, none if it isn't there yet.
fn messages(folder: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries?,
    };
    entries
        .map(|entry| {
            let path = entry?.path();
            let message = fs::read(&path)?;
            Ok((path, message))
        })
        .collect()
}

/// The message behind what Postfix puts before it: some fields of one line, and one Received of several.
fn without_trace(message: &[u8]) -> &[u8] {
    let mut rest = message;
    loop {
        let is_received = rest.starts_with(b"Received: ");
        let is_trace = ["Return-Path: ", "X-Original-To: ", "Delivered-To: "]
            .iter()
            .any(|name| rest.starts_with(name.as_bytes()));
        if !is_received && !is_trace {
            return rest;
        }
        loop {
            let line = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
            rest = &rest[line..];
            if !matches!(rest.first(), Some(b' ' | b'\t')) {
                break;
            }
        }
        if is_received {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_ends_with_the_first_received() {
        let trace =
            "Return-Path: <a@b>\nX-Original-To: c@d\nDelivered-To: c@d\nReceived: from x\n\tby y;\n date\n";
        for message in ["Received: of the sender\n\n", "\n", "Return-Path: <x>\n\n", ""] {
            let delivered = format!("{trace}{message}");
            assert_eq!(without_trace(delivered.as_bytes()), message.as_bytes());
            assert_eq!(without_trace(b"Subject: none\n\n"), b"Subject: none\n\n");
        }
    }

    #[test]
    fn what_is_chosen_is_written() {
        let tls = tls::TlsFiles { ca: "a".into(), certificate: "c".into(), key: "k".into() };
        let mut options = Options::default();
        let text = main(Path::new("/tmp/x"), &tls, &options);
        assert!(text.contains("\nmessage_size_limit = 52428800\n"));
        assert!(text.contains("\nsmtpd_client_connection_count_limit = 0\n"));
        options.max_connections = Some(3);
        options.message_size = Some(1000);
        options.without = vec!["CHUNKING".to_owned(), "DSN".to_owned()];
        let text = main(Path::new("/tmp/x"), &tls, &options);
        assert!(text.contains("\nmessage_size_limit = 1000\n"));
        assert!(text.contains("\nsmtpd_client_connection_count_limit = 3\n"));
        assert!(text.contains("\nsmtpd_discard_ehlo_keywords = CHUNKING, DSN\n"));
    }
}
