//! What an SMTP client and server say.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::{Make, arbitrary_by_make, enums, made_by, make, some, structures, words::word};
use crate::smtp::{
    Address, Body, Command, EnhancedCode, Extension, Extensions, MailParameters, Notify, RcptParameters,
    Reply, ReplyCode, Ret,
};

enums! {
    Body { SevenBit, EightBitMime, BinaryMime }
    Ret { Full, Headers }
}

structures! {
    Notify { success, failure, delay }
}

made_by! {
    Command: |u| Ok(match u.int_in_range(0..=11)? {
        0 => Self::Ehlo(domain(u)?.into()),
        1 => Self::Helo(domain(u)?.into()),
        2 => Self::StartTls,
        3 => Self::Auth { mechanism: name(u)?, initial: make(u)? },
        4 => Self::Mail { from: make(u)?, parameters: make(u)? },
        5 => Self::Rcpt { to: make(u)?, parameters: make(u)? },
        6 => Self::Data,
        7 => Self::Bdat { size: make(u)?, last: make(u)? },
        8 => Self::Rset,
        9 => Self::Noop,
        10 => Self::Vrfy(make(u)?),
        _ => Self::Quit,
    });
    Address: |u| {
        let local = match u.int_in_range(0..=3)? {
            0 => format!("\"{} {}\"", word(u)?, word(u)?),
            1 => format!("\u{fc}{}", word(u)?),
            _ => word(u)?,
        };
        Self::new(&format!("{local}@{}", domain(u)?)).map_err(|_| arbitrary::Error::IncorrectFormat)
    };
    MailParameters: |u| Ok(Self {
        size: make(u)?,
        body: make(u)?,
        smtp_utf8: make(u)?,
        ret: make(u)?,
        envelope_id: make(u)?,
        auth: make(u)?,
        require_tls: make(u)?,
        other: others(u)?,
    });
    RcptParameters: |u| {
        let original = if u.arbitrary()? { Some((name(u)?, make(u)?)) } else { None };
        Ok(Self { notify: make(u)?, original, other: others(u)? })
    };
    ReplyCode: |u| Self::new(u.int_in_range(200..=599)?).ok_or(arbitrary::Error::IncorrectFormat);
    EnhancedCode: |u| Ok(Self {
        class: *u.choose(&[2, 4, 5])?,
        subject: u.int_in_range(0..=999)?,
        detail: u.int_in_range(0..=999)?,
    });
    Reply: |u| {
        let code: ReplyCode = make(u)?;
        // Its class is that of the code, or it is none.
        let enhanced: Option<EnhancedCode> = make(u)?;
        let class = (code.get() / 100) as u8;
        let enhanced = enhanced.filter(|_| class != 3).map(|enhanced| EnhancedCode { class, ..enhanced });
        Ok(Self { code, enhanced, lines: some(u, 1)? })
    };
    Extension: |u| Ok(match u.int_in_range(0..=11)? {
        0 => Self::StartTls,
        1 => Self::Auth((0..u.int_in_range(0..=4)?).map(|_| name(u)).collect::<Result<_>>()?),
        // 0 is how a server says that it has no limit.
        2 => Self::Size(if u.arbitrary()? { Some(u.int_in_range(1..=u64::MAX)?) } else { None }),
        3 => Self::Pipelining,
        4 => Self::EightBitMime,
        5 => Self::BinaryMime,
        6 => Self::Chunking,
        7 => Self::SmtpUtf8,
        8 => Self::EnhancedStatusCodes,
        9 => Self::Dsn,
        10 => Self::RequireTls,
        _ => Self::Other(format!("X-{}", word(u)?).into()),
    });
    Extensions: |u| Ok(make::<Vec<Extension>>(u)?.into_iter().collect());
}

/// A mechanism's or a type's name.
fn name(u: &mut Unstructured<'_>) -> Result<Bytes> {
    Ok(word(u)?.to_ascii_uppercase().replace(['$', '.', '_'], "-").into())
}

fn domain(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=3)? {
        0 => format!("[{}.{}.0.1]", u.arbitrary::<u8>()?, u.arbitrary::<u8>()?),
        1 => "example.org".to_owned(),
        _ => format!("a{}.example", u.arbitrary::<u8>()?),
    })
}

fn others(u: &mut Unstructured<'_>) -> Result<Vec<(Bytes, Option<Bytes>)>> {
    let mut others = Vec::new();
    for _ in 0..u.int_in_range(0..=2)? {
        let value = if u.arbitrary()? { Some(name(u)?) } else { None };
        others.push((format!("X-{}", word(u)?.replace(['$', '.', '_'], "-")).into(), value));
    }
    Ok(others)
}
