//! SMTP: [`SmtpClient`] and what it gives.

mod addresses;
mod envelope;
mod header;
mod invalid_mail;
mod line_breaks;
