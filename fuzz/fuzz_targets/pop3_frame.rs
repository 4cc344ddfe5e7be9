//! The answers of a POP3 server, line by line and as messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::pop3::answers_are_framed_alike_however_split(data));
