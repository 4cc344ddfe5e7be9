//! The framer of what an IMAP client says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::commands_are_framed_alike_however_split(data));
