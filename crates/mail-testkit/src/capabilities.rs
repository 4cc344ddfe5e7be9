//! What the server shows that it can do, and therefore does.

pub(crate) mod imap;
pub(crate) mod pop3;
