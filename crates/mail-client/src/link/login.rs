//! What a login needs of the world outside the protocol: randomness, and the TLS connection it runs over.

use mail_proto::sasl::{ChannelBinding, ChannelBindingKind, Nonce};

use crate::{
    error::{Cause, Error, Result},
    transport,
};

/// What makes one SCRAM exchange unlike every other (RFC 5802 section 5.1).
pub(super) fn nonce() -> Result<Nonce> {
    let mut bytes = [0; 18];
    transport::provider()?
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::new(Cause::Configuration("the system has no random numbers")))?;
    Ok(Nonce::from_random(bytes))
}

/// What ties a login to the TLS connection it runs over (RFC 9266).
pub(super) fn channel_binding(exporter: [u8; 32]) -> ChannelBinding {
    ChannelBinding { kind: ChannelBindingKind::TlsExporter, data: exporter.to_vec() }
}
