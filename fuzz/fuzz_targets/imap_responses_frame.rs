//! The frames of what an IMAP server says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::imap::responses_are_framed_alike_however_split(data));
