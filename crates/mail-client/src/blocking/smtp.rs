//! SMTP: [`SmtpClient`] and what it gives. What has no part in waiting is the same as in [`crate::smtp`].

use std::iter::FusedIterator;

use super::{
    Pending,
    client::client_facade,
    facade::{facade, sister},
    runtime,
    wait::wait,
};
use crate::{
    error::Result,
    smtp::{self, Extensions, Mail, Progress, Reply, Sent, SentMail, SmtpClientBuilder},
};

/// One account on one server that takes mail, for any number of threads: clones are the same client. See
/// [the module](crate::blocking), and [`smtp::SmtpClient`].
///
/// ```no_run
/// use mail_client::{blocking::SmtpClient, smtp::Mail};
///
/// # fn main() -> mail_client::Result<()> {
/// let client = SmtpClient::builder("smtp.example.org", "kim").password("secret").build_blocking()?;
/// let mail = Mail::new("From: kim@example.org\r\nTo: bob@example.com\r\nSubject: hi\r\n\r\nHello!\r\n");
/// println!("{}", client.send(mail)?.reply());
/// client.close();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SmtpClient(smtp::SmtpClient);

client_facade! {
    SmtpClient for smtp,
    sister: "smtp::SmtpClient",
    connection: "smtp::Connection",
    builder: SmtpClientBuilder,
    path: "mail_client::blocking::SmtpClient",
    begin: "let pending = client.begin(|client| client.verify(\"bob@example.com\"))?;",
}

facade! {
    impl SmtpClient for "smtp::SmtpClient" {
        async fn noop(&self) -> Result<Reply>;
        async fn verify(&self, user: &str) -> Result<Reply>;
        async fn extensions(&self) -> Result<Extensions>;
        async fn send(&self, mail: Mail) -> Result<Sent>;
    }
}

impl SmtpClient {
    /// Sends a message in the background. It needs no thread.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    #[track_caller]
    pub fn begin_send(&self, mail: Mail) -> Result<Pending<Sent>> {
        let _entered = runtime::enter();
        self.0.begin_send(mail).map(Into::into)
    }

    /// Sends many messages. See [`smtp::SmtpClient::send_many`].
    ///
    /// ```no_run
    /// # fn example(client: mail_client::blocking::SmtpClient, mails: Vec<mail_client::smtp::Mail>) {
    /// for mail in client.send_many(mails).connections(4) {
    ///     println!("message {}: {}", mail.index, mail.outcome.is_ok());
    /// }
    /// # }
    /// ```
    pub fn send_many<I>(&self, mails: I) -> SendMany
    where
        I: IntoIterator<Item = Mail>,
        I::IntoIter: Send + 'static,
    {
        self.0.send_many(mails).into()
    }
}

/// Messages on their way: an iterator, which waits for what becomes of each. See [`smtp::SendMany`].
#[must_use = "nothing is sent unless it is read"]
pub struct SendMany(smtp::SendMany);

sister!(SendMany(smtp::SendMany));

facade! {
    impl SendMany for "smtp::SendMany" {
        fn connections(self, most: usize) -> Self;
        fn in_order(self) -> Self;
        fn progress(&self) -> Progress;
    }
}

impl Iterator for SendMany {
    type Item = SentMail;

    fn next(&mut self) -> Option<SentMail> {
        wait(self.0.next())
    }
}

impl FusedIterator for SendMany {}
