//! Courier, as Debian's packages bring it, in an overlay: IMAP and POP3.
//!
//! Its user's mail lies in `mail/tester/Maildir` in the server's folder, with `.` between levels and all mailboxes
//! below INBOX.

use std::fmt::Write as _;

use super::launch::{self, By, Launch, on_free_ports};
use super::overlay::Overlay;
use super::{Info, Options, Server, ServerError, free_ports, tls};

/// The packages that bring it, and a log that it can write to.
pub const PACKAGES: [&str; 4] = ["courier-imap", "courier-pop", "courier-authlib-userdb", "busybox"];

/// The user who may log in.
const USER: &str = "tester";

/// What its log says when all ports are open.
const SIGN: &str = "courier: listening";

/// Starts one, and returns when it listens on all its ports: `imap`, `imaps`, `pop3`, `pop3s`.
///
/// # Errors
/// [`ServerError::Install`], [`ServerError::Start`], or what kept the folder from being made.
pub fn start(options: &Options) -> Result<Server, ServerError> {
    let overlay = Overlay::with_packages(&PACKAGES)?;
    on_free_ports(|| start_once(&overlay, options))
}

fn start_once(overlay: &Overlay, options: &Options) -> Result<Server, ServerError> {
    let dir = launch::folder("courier")?;
    let path = dir.path();
    let tls = tls::make(path)?;
    let password = launch::password()?;
    let ports: [u16; 4] = free_ports()?;

    tls::write(&path.join("password"), &password, 0o600)?;
    tls::write(&path.join("set_up.sh"), &set_up(ports, options), 0o644)?;
    let command = overlay.command(path, ". \"$1/set_up.sh\"")?;
    let info = Info {
        server: "courier".to_owned(),
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
    Launch { title: "Courier", info, command, sign: SIGN, stays, revival }.start(dir)
}

/// What the overlay runs, with the server's folder as `$1`. Of a setting that stands twice the last counts. Mail belongs
/// to the user and the group `mail`, which every Debian has as number 8. At SIGHUP all of its processes end and come back.
fn set_up([imap, imaps, pop3, pop3s]: [u16; 4], options: &Options) -> String {
    let mut script = "busybox syslogd -n -S -O /dev/stdout &
log=$!
cd /etc/courier
"
    .to_owned();
    let mut set = |file: &str, settings: &str| {
        let _ = writeln!(script, "cat >> {file} <<'END'\n{settings}END");
    };
    set("authdaemonrc", "authmodulelist=\"authuserdb\"\n");
    let limit = options.max_connections.map(|n| format!("MAXPERIP={n}\n")).unwrap_or_default();
    let tls = "SSLADDRESS=127.0.0.1\nTLS_CERTFILE=/etc/courier/server.pem\n";
    set("imapd", &format!("ADDRESS=127.0.0.1\nPORT={imap}\nIMAP_ULIMITD=1048576\n{limit}"));
    set("imapd-ssl", &format!("SSLPORT={imaps}\n{tls}"));
    set("pop3d", &format!("ADDRESS=127.0.0.1\nPORT={pop3}\n{limit}"));
    set("pop3d-ssl", &format!("SSLPORT={pop3s}\n{tls}"));
    let ports = [imap, imaps, pop3, pop3s].map(|port| format!("{port:04X}")).join(" ");
    let _ = write!(
        script,
        "mkdir -p \"$1/mail/{USER}\"
maildirmake \"$1/mail/{USER}/Maildir\"
chown -R 8:8 \"$1/mail\"
userdb {USER} set uid=8 gid=8 home=\"$1/mail/{USER}\"
userdbpw -md5 < \"$1/password\" | userdb {USER} set systempw
chmod 700 userdb
makeuserdb
install -d -o courier /run/courier/authdaemon
services='imapd imapd-ssl pop3d pop3d-ssl'
again=
trap again=yes HUP
while :; do
    cat \"$1/key.pem\" \"$1/certificate.pem\" > new.pem
    chown courier new.pem
    chmod 400 new.pem
    mv new.pem server.pem
    authdaemond start
    for service in $services; do
        /usr/lib/courier/$service start
    done
    for port in {ports}; do
        until grep -q \":$port 0*:0000 0A\" /proc/net/tcp /proc/net/tcp6; do
            sleep 0.02
        done
    done
    logger -t courier listening
    until [ -n \"$again\" ]; do
        wait $log || [ -n \"$again\" ] || exit 1
    done
    again=
    for service in $services; do
        /usr/lib/courier/$service stop
    done
    authdaemond stop
    while busybox killall -9 couriertcpd couriertls imapd imaplogin pop3d pop3login 2>/dev/null; do
        sleep 0.02
    done
done
"
    );
    script
}
