//! Names of mailboxes, in modified UTF-7 and otherwise.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail_fuzz::imap::mailbox_names_keep_their_text(data));
