//! What mailboxes there are, with how many messages of what size.

use futures_util::{StreamExt, stream};
use mail_client::{
    Error,
    imap::{Capability, FetchItems, ImapClient, List, SequenceSet, StatusItem},
};
use serde_json::{Value, json};

use crate::{
    backup::named, cli, connect::Server, failure::Failure, listed::Listed, progress::note,
    quantity::human_bytes, say, terminal::printable,
};

/// How many mailboxes are asked about at once, over one connection.
const AT_ONCE: usize = 16;

/// Messages in a mailbox, and the octets in them.
#[derive(Clone, Copy, Debug)]
struct Totals {
    messages: u64,
    size: u64,
}

/// Lists the mailboxes that the URL names.
pub(crate) async fn run(options: &cli::Mailboxes, server: Server) -> Result<(), Failure> {
    let client = &server.client;
    let mut found = Listed::by(client).await?;
    let mut listed = std::mem::take(&mut found.mailboxes);
    let all = match &server.url.mailbox {
        Some(wanted) => {
            listed = vec![named(listed, wanted)];
            Ok(())
        }
        None => {
            listed.sort_by_key(|list| (!list.mailbox.is_inbox(), list.mailbox.clone()));
            listed.dedup_by(|later, first| later.mailbox == first.mailbox);
            found.check()
        }
    };
    let capabilities = client.capabilities().await?;
    let tells_sizes = capabilities.has(&Capability::StatusSize) || capabilities.has(&Capability::Imap4Rev2);

    let of = listed.len();
    let mut failures = Vec::new();
    let mut rows = Vec::new();
    let mut totals = stream::iter(listed)
        .map(async |list| {
            let totals =
                if list.is_selectable() { Some(totals(client, &list, tells_sizes).await) } else { None };
            (list, totals)
        })
        .buffered(AT_ONCE);
    while let Some((list, totals)) = totals.next().await {
        let totals = match totals.transpose() {
            Ok(totals) => totals,
            Err(error) => {
                let mailbox = list.mailbox.to_string();
                failures.push(Failure::Mailbox { mailbox, source: Box::new(error.into()) });
                None
            }
        };
        if options.json {
            say(&json(&list, totals).to_string());
        } else {
            rows.push((printable(&list.mailbox.to_string()).into_owned(), totals));
        }
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, totals) in rows {
        let [messages, size] = match totals {
            Some(totals) => [totals.messages.to_string(), human_bytes(totals.size)],
            None => ["-".to_owned(), "-".to_owned()],
        };
        say(&format!("{name:width$}  {messages:>9}  {size:>10}"));
    }
    match failures.len() {
        0 => all,
        1 => Err(failures.remove(0)),
        failed => {
            failures.iter().for_each(|failure| note(&format!("mailctl: {}", failure.line())));
            Err(Failure::Mailboxes { failed, of })
        }
    }
}

/// Asks the server to count; where it doesn't add up sizes, does it itself.
async fn totals(client: &ImapClient, list: &List, tells_sizes: bool) -> Result<Totals, Error> {
    if tells_sizes {
        let status = client.status(&list.mailbox, &[StatusItem::Messages, StatusItem::Size]).await?;
        if let (Some(messages), Some(size)) = (status.get(StatusItem::Messages), status.get(StatusItem::Size))
        {
            return Ok(Totals { messages, size });
        }
    }
    let mailbox = client.examine(&list.mailbox).await?;
    let mut totals = Totals { messages: 0, size: 0 };
    if mailbox.exists() > 0 {
        let mut messages = mailbox.fetch(SequenceSet::all(), FetchItems::new().size());
        while let Some(message) = messages.next().await.transpose()? {
            totals.messages += 1;
            totals.size += message.size().unwrap_or(0);
        }
    }
    Ok(totals)
}

fn json(list: &List, totals: Option<Totals>) -> Value {
    let attributes: Vec<_> =
        list.attributes.iter().map(|attribute| String::from_utf8_lossy(attribute.as_bytes())).collect();
    let mut row = json!({
        "name": list.mailbox.to_string(),
        "messages": totals.map(|totals| totals.messages),
        "size": totals.map(|totals| totals.size),
        "delimiter": list.delimiter.map(char::from),
        "attributes": attributes,
    });
    if list.mailbox.to_text().is_none() {
        // The name above is only what it looks like.
        let hex: String = list.mailbox.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        row["name_hex"] = hex.into();
    }
    row
}
