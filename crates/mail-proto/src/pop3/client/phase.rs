//! How far a connection has come.

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Greeting,
    StartTls,
    TlsHandshake,
    Capabilities,
    Utf8,
    User,
    /// The last command of the login.
    Login,
    Ready,
    /// QUIT was written.
    Quit,
}
