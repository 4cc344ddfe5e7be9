//! What a POP3 client and server say.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::{
    Make, arbitrary_by_make, enums, made_by, make, structures,
    words::{known_or, number, word},
};
use crate::pop3::{
    Capabilities, Capability, Code, Command, DropListing, Reply, ReplyKind, ScanListing, UniqueId,
};

enums! {
    ReplyKind { Ok, Err, Continue }
}

structures! {
    DropListing { count, octets }
}

made_by! {
    Command: |u| Ok(match u.int_in_range(0..=16)? {
        0 => Self::User(make(u)?),
        1 => Self::Pass(make(u)?),
        2 => Self::Apop { user: make(u)?, digest: word(u)?.into() },
        3 => Self::Auth { mechanism: name(u)?, initial: make(u)? },
        4 => Self::Lang(if u.arbitrary()? { Some(word(u)?.into()) } else { None }),
        5 => Self::List(if u.arbitrary()? { Some(number(u)?) } else { None }),
        6 => Self::Uidl(if u.arbitrary()? { Some(number(u)?) } else { None }),
        7 => Self::Retr(number(u)?),
        8 => Self::Top { number: number(u)?, lines: make(u)? },
        9 => Self::Dele(number(u)?),
        10 => Self::Stls,
        11 => Self::Capa,
        12 => Self::Utf8,
        13 => Self::Stat,
        14 => Self::Noop,
        15 => Self::Rset,
        _ => Self::Quit,
    });
    Code: |u| {
        use Code::{Auth, InUse, LoginDelay, SysPerm, SysTemp, Utf8};
        known_or(u, vec![InUse, LoginDelay, Auth, SysTemp, SysPerm, Utf8], |u| {
            Ok(Self::Other(format!("X-{}", word(u)?.to_ascii_uppercase()).into()))
        })
    };
    Reply: |u| {
        let kind = make(u)?;
        let code: Option<Code> = make(u)?;
        // A challenge has no code.
        Ok(Self { kind, code: code.filter(|_| kind != ReplyKind::Continue), text: make(u)? })
    };
    ScanListing: |u| Ok(Self { number: number(u)?, octets: make(u)? });
    UniqueId: |u| Ok(Self { number: number(u)?, uid: word(u)?.into() });
    Capability: |u| Ok(match u.int_in_range(0..=13)? {
        0 => Self::Top,
        1 => Self::Uidl,
        2 => Self::User,
        3 => Self::Sasl((0..u.int_in_range(0..=4)?).map(|_| name(u)).collect::<Result<_>>()?),
        4 => Self::RespCodes,
        5 => Self::AuthRespCode,
        6 => Self::LoginDelay(make(u)?),
        7 => Self::Pipelining,
        8 => Self::Expire(make(u)?),
        9 => Self::Implementation(word(u)?.into()),
        10 => Self::Stls,
        11 => Self::Utf8 { user: make(u)? },
        12 => Self::Lang,
        _ => Self::Other(format!("X-{}", word(u)?).into()),
    });
    Capabilities: |u| Ok(make::<Vec<Capability>>(u)?.into_iter().collect());
}

/// A mechanism's name.
fn name(u: &mut Unstructured<'_>) -> Result<Bytes> {
    Ok(word(u)?.to_ascii_uppercase().replace(['$', '.', '_'], "-").into())
}
