//! What keeps something from being measured.

/// Its text is all that is of interest.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;
