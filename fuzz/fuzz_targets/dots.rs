//! Messages with their dots stuffed, and unstuffed again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::dots::a_message_arrives_as_it_was_sent(data));
