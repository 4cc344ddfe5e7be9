//! Sets of message numbers, and dates.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::imap::sets_and_dates_mean_what_they_say(data));
