//! What happens to mail when everything goes wrong, one thing at a time: sessions that are recorded once, and then
//! played again with a fault at every point. Each run has to end in success or in an error that says what it is,
//! within its deadline; the client must work afterwards; the mail must be what the client said it is.
//!
//! The usual size leaves out most of what is the same in every session. `ADVERSITY=full` has all of it, a number one of
//! so many of the usual, and `ADVERSITY_ONLY` plays what has this in the name of its plan.

system_tests::watch_for_secrets!();

mod cancellation;
mod faults;
mod imap;
mod ledger;
mod points;
mod pop3;
mod smtp;
mod stage;
mod watchdog;
mod wire;

/// What is tried with each session.
macro_rules! sessions {
    ($($name:ident: $session:expr,)*) => {
        /// How many sessions there are.
        const SESSIONS: usize = [$(stringify!($name)),*].len();

        $(
        mod $name {
            use super::*;

            #[test]
            fn connections_end_after_every_byte() {
                faults::breaks(&$session, wire::Breach::End);
            }

            #[test]
            fn connections_are_reset_after_every_byte() {
                faults::breaks(&$session, wire::Breach::Reset);
            }

            #[test]
            fn connections_stall_after_every_byte() {
                faults::breaks(&$session, wire::Breach::Stall);
            }

            #[test]
            fn every_command_is_answered_otherwise() {
                faults::answers(&$session);
            }

            #[test]
            fn cancelled_at_every_poll() {
                cancellation::at_every_poll(&$session);
            }

            #[test]
            fn cancelled_after_every_byte() {
                cancellation::at_every_byte(&$session);
            }

            #[test]
            fn connections_over_tls_end() {
                faults::breaks_over_tls(&$session, SESSIONS);
            }
        }
        )*
    };
}

sessions! {
    login_with_starttls: imap::LOGIN_STARTTLS,
    list: imap::LIST,
    select: imap::SELECT,
    fetch_small: imap::FETCH_SMALL,
    fetch_large: imap::FETCH_LARGE,
    fetch_streamed: imap::FETCH_STREAMED,
    fetch_over_three_connections: imap::FAN_OUT,
    fetch_compressed: imap::COMPRESSED,
    search: imap::SEARCH,
    store: imap::STORE,
    append_synchronising: imap::APPEND_SYNC,
    append: imap::APPEND,
    append_large: imap::APPEND_LARGE,
    append_many: imap::APPEND_MANY,
    append_many_one_by_one: imap::APPEND_MANY_ONE_BY_ONE,
    append_many_synchronising: imap::APPEND_MANY_SYNC,
    copy: imap::COPY,
    move_with_move: imap::MOVE,
    move_without_move: imap::MOVE_WITHOUT_MOVE,
    move_without_uidplus: imap::MOVE_WITHOUT_UIDPLUS,
    delete: imap::DELETE,
    watch_by_notify: imap::WATCH,
    watch_by_idle: imap::WATCH_IDLE,
    watch_by_asking: imap::WATCH_POLL,
    connections_of_ones_own: imap::POOL,
    pop3_login_with_starttls: pop3::LOGIN_STARTTLS,
    pop3_retrieve: pop3::RETRIEVE,
    pop3_retrieve_without_pipelining: pop3::RETRIEVE_WITHOUT_PIPELINING,
    pop3_delete: pop3::DELETE,
    pop3_give_up: pop3::GIVE_UP,
    smtp_login_with_starttls: smtp::LOGIN_STARTTLS,
    smtp_send: smtp::SEND,
    smtp_send_without_chunking: smtp::SEND_WITHOUT_CHUNKING,
    smtp_send_without_pipelining: smtp::SEND_WITHOUT_PIPELINING,
    smtp_send_many: smtp::SEND_MANY,
}
