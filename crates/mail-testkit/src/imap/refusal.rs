//! What a client is told of what the store can't do.

use mail_proto::imap::{ResponseCode, Status};

use super::{done, no};
use crate::store::StoreError;

/// How a change of the store went.
pub(super) fn changed(result: Result<(), StoreError>) -> Status {
    match result {
        Ok(()) => done(),
        Err(error) => refusal(&error),
    }
}

pub(super) fn refusal(error: &StoreError) -> Status {
    let code = match error {
        StoreError::NoMailbox { .. } => ResponseCode::NonExistent,
        StoreError::MailboxExists { .. } => ResponseCode::AlreadyExists,
        StoreError::NoUidsLeft { .. } => ResponseCode::Limit,
        _ => ResponseCode::Cannot,
    };
    no(code, error.to_string())
}
