//! Cyrus IMAP, as Debian's packages bring it, in an overlay: IMAP and POP3.
//!
//! Its user has an INBOX and a mailbox Archive after the first login, with `/` between levels. What it keeps lies in
//! memory.

use std::path::Path;

use super::launch::{self, By, Launch, on_free_ports};
use super::overlay::Overlay;
use super::{Info, Options, Server, ServerError, free_ports, tls};

/// The packages that bring it, the mechanisms of its login, and a log that it can write to.
pub const PACKAGES: [&str; 6] =
    ["cyrus-imapd", "cyrus-pop3d", "sasl2-bin", "libsasl2-modules", "libsasl2-modules-db", "busybox"];

/// The user who may log in.
const USER: &str = "tester";

/// What its log says when all ports are open.
const SIGN: &str = "cyrus: listening";

/// Starts one, and returns when it listens on all its ports: `imap`, `imaps`, `pop3`, `pop3s`.
///
/// # Errors
/// [`ServerError::Install`], [`ServerError::Start`], or what kept the folder from being made.
pub fn start(options: &Options) -> Result<Server, ServerError> {
    let overlay = Overlay::with_packages(&PACKAGES)?;
    on_free_ports(|| start_once(&overlay, options))
}

fn start_once(overlay: &Overlay, options: &Options) -> Result<Server, ServerError> {
    let dir = launch::folder("cyrus")?;
    let path = dir.path();
    let tls = tls::make(path)?;
    let password = launch::password()?;
    let ports: [u16; 4] = free_ports()?;

    tls::write(&path.join("imapd.conf"), &imapd(path, &tls, options), 0o644)?;
    tls::write(&path.join("cyrus.conf"), &services(ports), 0o644)?;
    tls::write(&path.join("password"), &password, 0o600)?;
    let command = overlay.command(path, SET_UP)?;
    let info = Info {
        server: "cyrus".to_owned(),
        version: overlay.version().to_owned(),
        ports: launch::named(["imap", "imaps", "pop3", "pop3s"], ports),
        user: USER.to_owned(),
        password,
        ca_file: tls.ca,
        dir: path.to_owned(),
        options: options.to_json(),
        pid: 0,
        pid_start: 0,
    };
    let (stays, revival) = (options.stays, By::Hangup);
    Launch { title: "Cyrus", info, command, sign: SIGN, stays, revival }.start(dir)
}

/// What the overlay runs, with the server's folder as `$1`. The key must be readable by Cyrus' own user. At SIGHUP all
/// of its processes end and come back; it kills its process group when it ends, which is therefore its own.
const SET_UP: &str = "busybox syslogd -n -S -O /dev/stdout &
saslpasswd2 -p -c -u localhost tester < \"$1/password\"
chown cyrus:mail /etc/sasldb2
cp \"$1/imapd.conf\" \"$1/cyrus.conf\" /etc/
for folder in socket proc lock; do
    install -d -o cyrus -g mail \"/run/cyrus/$folder\"
done
again=
trap 'again=yes; kill $master; (sleep 3; kill -9 $master 2>/dev/null) &' HUP
while :; do
    install -o cyrus -g mail -m 600 \"$1/key.pem\" /etc/cyrus.key
    setsid cyrmaster -p /run/cyrus/master.pid &
    master=$!
    while kill -0 $master 2>/dev/null; do
        wait $master || :
    done
    [ -n \"$again\" ] || exit 1
    again=
    while busybox killall -9 imapd pop3d idled 2>/dev/null; do
        sleep 0.02
    done
done
";

/// What the services have in common. No login is slowed down, and none is refused for coming too soon.
fn imapd(dir: &Path, tls: &tls::TlsFiles, options: &Options) -> String {
    let limit = options.max_connections.map(|n| format!("maxlogins_per_user: {n}\n")).unwrap_or_default();
    format!(
        "configdirectory: /var/lib/cyrus
partition-default: /var/spool/cyrus/mail
defaultpartition: default
servername: localhost
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
failedloginpause: 0
popminpoll: 0
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
autocreate_quota: 0
autocreate_inbox_folders: Archive
tls_server_cert: {dir}/{certificate}
tls_server_key: /etc/cyrus.key
idlesocket: /run/cyrus/socket/idle
lmtpsocket: /run/cyrus/socket/lmtp
notifysocket: /run/cyrus/socket/notify
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
{limit}",
        dir = dir.display(),
        certificate = tls.certificate.file_name().unwrap_or_default().display(),
    )
}

/// What is started. The event is the sign: it comes when the ports are open.
fn services([imap, imaps, pop3, pop3s]: [u16; 4]) -> String {
    format!(
        "START {{
  recover cmd=\"ctl_cyrusdb -r\"
}}
SERVICES {{
  imap cmd=\"imapd\" listen=\"127.0.0.1:{imap}\" prefork=0
  imaps cmd=\"imapd -s\" listen=\"127.0.0.1:{imaps}\" prefork=0
  pop3 cmd=\"pop3d\" listen=\"127.0.0.1:{pop3}\" prefork=0
  pop3s cmd=\"pop3d -s\" listen=\"127.0.0.1:{pop3s}\" prefork=0
}}
EVENTS {{
  sign cmd=\"/usr/bin/logger -t cyrus listening\" period=0
}}
DAEMON {{
  idled cmd=\"idled\"
}}
"
    )
}
