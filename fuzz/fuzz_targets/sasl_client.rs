//! A SASL client against a server that says anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::sasl::no_server_talks_a_client_into_success(data));
