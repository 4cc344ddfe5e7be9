//! Replies and addresses of SMTP.

use bytes::Bytes;

use super::{Form, Misfit, maps, written_as, written_by_form};
use crate::smtp::{Address, EnhancedCode, Reply, ReplyCode};

maps! {
    Reply { code: ReplyCode, enhanced: Option<EnhancedCode>, lines: Vec<Bytes> }
}

written_as! {
    ReplyCode as u16: |code| Ok(code.get()), |code| Self::new(code).ok_or(Misfit::Not("a reply code, 200 to 599"));
    EnhancedCode as String: |code| Ok(code.to_string()), |text| enhanced(&text).ok_or(Misfit::Not("an enhanced code"));
    Address as String: |address| Ok(address.as_str().to_owned()), |text| Ok(Self::new(&text)?);
}

/// `class "." subject "." detail`
fn enhanced(text: &str) -> Option<EnhancedCode> {
    let mut parts = text.split('.');
    let mut number = || {
        let digits = parts.next()?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)?.parse::<u16>().ok()
    };
    let class = number()?.try_into().ok()?;
    let code = EnhancedCode { class, subject: number()?, detail: number()? };
    parts.next().is_none().then_some(code)
}
