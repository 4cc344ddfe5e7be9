//! SCRAM with someone in the middle.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::sasl::what_was_changed_on_the_way_is_found_out(data));
