//! The grammar of POP3, both sides.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::pop3::lines_survive_being_written(data));
