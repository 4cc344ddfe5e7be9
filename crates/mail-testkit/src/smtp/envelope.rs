//! MAIL and RCPT: who sends what to whom.

use mail_proto::smtp::{Address, Body, MailParameters, RcptParameters, Reply};

use super::Session;
use super::octets::Content;
use super::reply::reply;
use crate::store::Account;

/// A message on its way, from MAIL to its end.
pub(super) struct Transaction {
    pub(super) from: Option<Address>,
    pub(super) parameters: MailParameters,
    pub(super) recipients: Vec<(Address, RcptParameters)>,
    /// Those of the recipients who are users, each once.
    pub(super) accounts: Vec<Account>,
    /// What came by BDAT so far.
    pub(super) content: Content,
    /// How many chunks of BDAT came so far.
    pub(super) chunks: u32,
}

impl Session<'_> {
    pub(super) fn mail(&mut self, from: Option<Address>, parameters: MailParameters) -> Reply {
        if self.transaction.is_some() {
            return reply("503 5.5.1 there is a message already");
        }
        if let Some(refused) = self.refuses_mail(from.as_ref(), &parameters) {
            return refused;
        }
        self.transaction = Some(Transaction {
            from,
            parameters,
            recipients: Vec::new(),
            accounts: Vec::new(),
            content: Content::default(),
            chunks: 0,
        });
        reply("250 2.1.0 go on")
    }

    /// Why a message can't begin like this.
    fn refuses_mail(&self, from: Option<&Address>, parameters: &MailParameters) -> Option<Reply> {
        let body = match parameters.body {
            Some(Body::BinaryMime) => self.extends("BINARYMIME") && self.extends("CHUNKING"),
            Some(_) => self.extends("8BITMIME"),
            None => true,
        };
        let unknown = [
            (parameters.size.is_some(), "SIZE"),
            (parameters.smtp_utf8, "SMTPUTF8"),
            (parameters.needs_dsn(), "DSN"),
            (parameters.auth.is_some(), "AUTH"),
            (parameters.require_tls, "REQUIRETLS"),
        ];
        if !body || unknown.iter().any(|(used, keyword)| *used && !self.extends(keyword)) {
            return Some(unknown_parameter());
        }
        if !parameters.other.is_empty() {
            return Some(unknown_parameter());
        }
        if from.is_some_and(Address::needs_utf8) && !parameters.smtp_utf8 {
            return Some(reply("550 5.6.7 the sender's address needs SMTPUTF8"));
        }
        if let (Some(size), Some(limit)) = (parameters.size, self.shared.smtp.offer.size())
            && size > limit
        {
            return Some(reply(format!("552 5.3.4 a message may have {limit} octets")));
        }
        None
    }

    pub(super) fn rcpt(&mut self, to: Address, parameters: RcptParameters) -> Reply {
        let account = self.account_of(&to);
        let has_dsn = self.extends("DSN");
        let most = self.shared.smtp.max_recipients;
        let refusal = self.shared.smtp.refusals.get(&to.as_str().to_ascii_lowercase());
        let Some(transaction) = &mut self.transaction else { return reply("503 5.5.1 begin with MAIL") };
        if parameters.needs_dsn() && !has_dsn || !parameters.other.is_empty() {
            return unknown_parameter();
        }
        if to.needs_utf8() && !transaction.parameters.smtp_utf8 {
            return reply("553 5.6.7 the recipient's address needs SMTPUTF8");
        }
        if transaction.chunks > 0 {
            return reply("503 5.5.1 the message has begun");
        }
        if let Some(refusal) = refusal {
            return reply(refusal);
        }
        if transaction.recipients.len() >= most {
            return reply("452 4.5.3 too many recipients");
        }
        if let Some(account) = account {
            if account.is_over_quota_with(transaction.parameters.size.unwrap_or(0), 1) {
                return no_room();
            }
            if transaction.accounts.iter().all(|known| known.user() != account.user()) {
                transaction.accounts.push(account);
            }
        }
        transaction.recipients.push((to, parameters));
        reply("250 2.1.5 go on")
    }

    /// The user whom an address names, by the whole of it or by what stands before the `@`.
    fn account_of(&self, address: &Address) -> Option<Account> {
        let whole = address.as_str();
        let local = whole.rsplit_once('@').map_or(whole, |(local, _)| local);
        let is_it = |user: &str| user.eq_ignore_ascii_case(whole) || user.eq_ignore_ascii_case(local);
        self.shared.accounts.iter().find(|(user, _)| is_it(user)).map(|(_, account)| account.clone())
    }
}

/// RFC 5321 section 4.1.1.11.
fn unknown_parameter() -> Reply {
    reply("555 5.5.4 a parameter isn't known here")
}

pub(super) fn no_room() -> Reply {
    reply("552 5.2.2 the mailbox is full")
}
