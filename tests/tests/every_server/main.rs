//! ImapClient's operations on each kind of server: what one announces decides what is asked of it, never whose it is.

system_tests::watch_for_secrets!();

mod appending;
mod certificates;
mod changing;
mod connections;
mod limits;
mod losses;
mod mailboxes;
mod place;
mod reading;
mod watching;

/// Whoever hasn't ended by then hangs. Courier may let a command wait for a mailbox's lock for 135 seconds when several
/// connections open it at once, and is awaited.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(300);

/// Each of these for each kind of server, or for each real one, and with a reason for leaving it out if that has to be
/// installed.
macro_rules! on {
    (every_server $($themes:tt)*) => {
        on!(@ embedded, Embedded, [] $($themes)*);
        on!(every_real_server $($themes)*);
    };
    (every_real_server $($themes:tt)*) => {
        on!(@ dovecot, Dovecot, [ignore = "needs Dovecot: cargo xtask test"] $($themes)*);
        on!(@ cyrus, Cyrus, [ignore = "needs root on Debian: cargo xtask test"] $($themes)*);
        on!(@ courier, Courier, [ignore = "needs root on Debian: cargo xtask test"] $($themes)*);
    };
    (@ $module:ident, $kind:ident, $mark:tt $($theme:ident $names:tt)*) => {
        mod $module {
            on!(@@ $kind, $mark $($theme $names)*);
        }
    };
    (@@ $kind:ident, $mark:tt) => {};
    (@@ $kind:ident, $mark:tt $theme:ident { $($name:ident)* } $($others:tt)*) => {
        mod $theme {
            on!(@@@ $kind, $mark $theme $($name)*);
        }
        on!(@@ $kind, $mark $($others)*);
    };
    (@@@ $kind:ident, $mark:tt $theme:ident) => {};
    (@@@ $kind:ident, [$($mark:meta)?] $theme:ident $name:ident $($others:ident)*) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$mark])?
        async fn $name() {
            let test = crate::$theme::$name(crate::place::Kind::$kind);
            tokio::time::timeout(crate::LIMIT, test).await.expect("it doesn't end");
            system_tests::counted::counted(concat!("operations on ", stringify!($kind)), 1);
        }
        on!(@@@ $kind, [$($mark)?] $theme $($others)*);
    };
}

on! {
    every_server
    reading {
        searches_find_the_same_whatever_is_announced
        sorts_and_threads
        every_item_and_section_comes
        all_mail_comes_as_it_is_over_one_connection_and_several
        p35_messages_are_marked_as_they_are_read
    }
    changing {
        flags_change_unless_somebody_was_quicker
        copies_and_moves_go_well_whatever_is_announced
        p42_only_what_was_named_is_removed_whatever_is_announced
    }
    mailboxes {
        they_are_listed_the_same_whatever_is_announced
        what_is_selected_can_be_renamed_and_deleted
        namespaces_quota_rights_metadata_and_id
    }
    appending {
        a_message_is_stored_as_it_is_whatever_is_announced
        many_go_in_together_in_their_order
        a_message_goes_into_a_mailbox_that_others_have_open_read_only
        one_takes_anothers_place
        p28_a_message_whose_source_fails_is_not_stored
    }
    watching {
        p39_changes_are_told_as_they_happen
        p39_what_was_missed_is_told_first_and_a_state_can_be_kept
        p39_a_mailbox_made_anew_is_a_reset
        p39_with_one_connection_it_runs_on_main_and_lets_others_through
    }
    connections {
        p22_two_mailboxes_over_main_never_get_each_others_answers
        p26_a_mailbox_made_anew_by_another_client_is_not_changed
        p29_reads_go_on_when_connections_are_lost
        compressed_and_enabled_connections_do_the_same
    }
    limits {
        p14_with_a_limit_of_two_and_a_quota_of_ten_all_work_is_done
    }
    losses {
        every_message_is_accounted_for_while_processes_are_killed
        every_message_is_accounted_for_while_the_server_is_restarted
    }
}

mod real {
    on! {
        every_real_server
        certificates {
            a_strangers_certificate_is_refused_and_the_first_one_is_good_again
        }
    }
}
