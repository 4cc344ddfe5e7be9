//! An SMTP session, its server and its user at their worst.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::smtp::every_message_ends_once(data));
