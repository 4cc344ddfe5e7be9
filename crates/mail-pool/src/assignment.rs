//! Which connection serves a call that names none.

/// Which connection serves a call that names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Assignment {
    /// The caller's default connection if it has made one, else main.
    #[default]
    MainOrDefault,
    /// Always main. Default connections are forbidden.
    Main,
    /// The caller's default connection, made at its first call. Main is never opened and no slot is reserved for it.
    Default,
}
