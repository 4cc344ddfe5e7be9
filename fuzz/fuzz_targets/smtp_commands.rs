//! What an SMTP client says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::smtp::commands_survive_being_written(data));
