//! A POP3 session, its server and its user at their worst.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::pop3::every_command_ends_once(data));
