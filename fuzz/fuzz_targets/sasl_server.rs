//! A SASL server against a client that says anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::sasl::no_client_logs_in_without_the_secret(data));
