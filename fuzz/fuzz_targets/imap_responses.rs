//! The grammar of what an IMAP server says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::imap::responses_survive_being_written(data));
