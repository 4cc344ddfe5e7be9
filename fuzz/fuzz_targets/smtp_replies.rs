//! What an SMTP server says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::smtp::replies_survive_being_written(data));
