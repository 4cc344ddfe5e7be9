//! The frames of what an IMAP client says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::imap::commands_are_framed_alike_however_split(data));
