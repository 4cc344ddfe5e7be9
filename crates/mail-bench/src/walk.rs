//! Walks through whole values of other libraries, so that every side does what a user of the value does.

/// Walks the values of one version of imap-proto.
macro_rules! walk {
    ($version:ident, $imap_proto:ident) => {
        /// The values of this version of imap-proto.
        pub(crate) mod $version {
            use std::borrow::Cow;

            use $imap_proto::{
                Address, BodyContentCommon, BodyContentSinglePart, BodyParams, BodyStructure,
                ContentEncoding, Envelope,
            };

            pub(crate) fn of_envelope(envelope: &Envelope<'_>) -> u64 {
                let fields = [
                    &envelope.from,
                    &envelope.sender,
                    &envelope.reply_to,
                    &envelope.to,
                    &envelope.cc,
                    &envelope.bcc,
                ];
                let address = |address: &Address<'_>| {
                    let parts = [&address.name, &address.adl, &address.mailbox, &address.host];
                    parts.into_iter().map(|part| bytes(part.as_ref())).sum::<u64>()
                };
                let texts = [&envelope.date, &envelope.subject, &envelope.in_reply_to, &envelope.message_id];
                texts.into_iter().map(|text| bytes(text.as_ref())).sum::<u64>()
                    + fields.into_iter().flatten().flatten().map(address).sum::<u64>()
            }

            pub(crate) fn of_structure(structure: &BodyStructure<'_>) -> u64 {
                match structure {
                    BodyStructure::Basic { common, other, extension } => {
                        single(common, other, extension.is_some())
                    }
                    BodyStructure::Text { common, other, lines, extension } => {
                        single(common, other, extension.is_some()) + u64::from(*lines)
                    }
                    BodyStructure::Message { common, other, envelope, body, lines, extension } => {
                        single(common, other, extension.is_some())
                            + of_envelope(envelope)
                            + of_structure(body)
                            + u64::from(*lines)
                    }
                    BodyStructure::Multipart { common, bodies, .. } => {
                        of_common(common) + bodies.iter().map(of_structure).sum::<u64>()
                    }
                }
            }

            fn single(
                common: &BodyContentCommon<'_>,
                other: &BodyContentSinglePart<'_>,
                is_extended: bool,
            ) -> u64 {
                let encoding = match &other.transfer_encoding {
                    ContentEncoding::Other(name) => name.len() as u64,
                    _ => 1,
                };
                of_common(common)
                    + text(other.id.as_ref())
                    + text(other.md5.as_ref())
                    + text(other.description.as_ref())
                    + encoding
                    + u64::from(other.octets)
                    + u64::from(is_extended)
            }

            fn of_common(common: &BodyContentCommon<'_>) -> u64 {
                common.ty.ty.len() as u64
                    + common.ty.subtype.len() as u64
                    + params(&common.ty.params)
                    + common
                        .disposition
                        .as_ref()
                        .map_or(0, |disposition| disposition.ty.len() as u64 + params(&disposition.params))
                    + common.language.iter().flatten().map(|language| language.len() as u64).sum::<u64>()
                    + text(common.location.as_ref())
            }

            fn params(params: &BodyParams<'_>) -> u64 {
                params.iter().flatten().map(|(name, value)| (name.len() + value.len()) as u64).sum()
            }

            fn text(text: Option<&Cow<'_, str>>) -> u64 {
                text.map_or(0, |text| text.len() as u64)
            }

            fn bytes(bytes: Option<&Cow<'_, [u8]>>) -> u64 {
                bytes.map_or(0, |bytes| bytes.len() as u64)
            }
        }
    };
}

walk!(proto_017, imap_proto);
walk!(proto_016, imap_proto_016);
