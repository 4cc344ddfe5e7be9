//! What was read of the responses of IMAP's extensions, by the names of the corpus.

use mail_proto::imap::{
    Acl, ESearch, ListRights, Metadata, MetadataData, MyRights, Namespace, Namespaces, PartialRange, Quota,
    QuotaRoot, Search, Threads, Vanished, response::Untagged,
};
use serde_json::{Map, Value, json};

use crate::case::{Fact, Facts};

/// The keyword of such a response.
pub(crate) fn kind(data: &Untagged) -> &'static str {
    match data {
        Untagged::XList(_) => "XLIST",
        Untagged::Namespace(_) => "NAMESPACE",
        Untagged::ESearch(_) => "ESEARCH",
        Untagged::Sort(_) => "SORT",
        Untagged::Thread(_) => "THREAD",
        Untagged::Vanished(_) => "VANISHED",
        Untagged::Quota(_) => "QUOTA",
        Untagged::QuotaRoot(_) => "QUOTAROOT",
        Untagged::Acl(_) => "ACL",
        Untagged::ListRights(_) => "LISTRIGHTS",
        Untagged::MyRights(_) => "MYRIGHTS",
        Untagged::Metadata(_) => "METADATA",
        Untagged::UidBatches(_) => "UIDBATCHES",
        Untagged::JmapAccess(_) => "JMAPACCESS",
        _ => "?",
    }
}

pub(crate) fn add(data: &Untagged, facts: &mut Facts) {
    match data {
        Untagged::Namespace(namespaces) => of_namespaces(namespaces, facts),
        Untagged::ESearch(found) => of_esearch(found, facts),
        Untagged::Sort(Search { numbers, modseq }) => {
            facts.json("nums", numbers.clone());
            if let Some(modseq) = modseq {
                facts.json("modseq", *modseq);
            }
        }
        Untagged::Thread(threads) => of_threads(threads, facts),
        Untagged::Vanished(Vanished { earlier, uids }) => {
            facts.json("earlier", *earlier).text("uids", uids.to_string());
        }
        Untagged::Quota(quota) => of_quota(quota, facts),
        Untagged::QuotaRoot(QuotaRoot { mailbox, roots }) => {
            facts.text("mailbox", mailbox.as_bytes());
            facts.json("roots", roots.iter().map(|root| text(root)).collect::<Vec<_>>());
        }
        Untagged::Acl(Acl { mailbox, entries }) => {
            facts.text("mailbox", mailbox.as_bytes());
            let entries = entries.iter().map(|(name, rights)| (text(name), Some(rights.as_bytes().to_vec())));
            facts.add("acl", Fact::Texts(entries.collect()));
        }
        Untagged::ListRights(ListRights { mailbox, identifier, required, optional }) => {
            facts.text("mailbox", mailbox.as_bytes()).text("identifier", identifier);
            facts.text("required", required.as_bytes());
            facts.json("optional", optional.iter().map(|rights| text(rights.as_bytes())).collect::<Vec<_>>());
        }
        Untagged::MyRights(MyRights { mailbox, rights }) => {
            facts.text("mailbox", mailbox.as_bytes()).text("rights", rights.as_bytes());
        }
        Untagged::Metadata(metadata) => of_metadata(metadata, facts),
        _ => {}
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn of_namespaces(namespaces: &Namespaces, facts: &mut Facts) {
    let list = |namespaces: &[Namespace]| -> Value {
        let delimiter = |namespace: &Namespace| namespace.delimiter.map(|byte| char::from(byte).to_string());
        namespaces.iter().map(|namespace| json!([text(&namespace.prefix), delimiter(namespace)])).collect()
    };
    facts.json("personal", list(&namespaces.personal));
    facts.json("other", list(&namespaces.other_users));
    facts.json("shared", list(&namespaces.shared));
}

fn of_esearch(found: &ESearch, facts: &mut Facts) {
    facts.json("esearch_uid", found.uid);
    if let Some(tag) = &found.tag {
        facts.text("esearch_tag", tag);
    }
    if let Some(mailbox) = &found.mailbox {
        facts.text("mailbox", mailbox.as_bytes());
    }
    for (key, number) in
        [("uidvalidity", found.uid_validity), ("min", found.min), ("max", found.max), ("count", found.count)]
    {
        if let Some(number) = number {
            facts.json(key, number);
        }
    }
    if let Some(modseq) = found.modseq {
        facts.json("modseq", modseq);
    }
    if let Some(all) = &found.all {
        facts.text("all", all.to_string());
    }
    if let Some((range, part)) = &found.partial {
        facts.text(
            "partial_range",
            match range {
                PartialRange::FromFirst(first, last) => format!("{first}:{last}"),
                PartialRange::FromLast(first, last) => format!("-{first}:-{last}"),
            },
        );
        facts.nullable("partial", part.as_ref().map(ToString::to_string));
    }
}

fn of_threads(threads: &Threads, facts: &mut Facts) {
    facts.json("threads", threads.count());
    facts.json("nums", threads.nodes().iter().filter_map(|node| node.number).collect::<Vec<_>>());
}

fn of_quota(quota: &Quota, facts: &mut Facts) {
    facts.text("root", &quota.root);
    let resources: Map<String, Value> = quota
        .resources
        .iter()
        .map(|resource| (text(&resource.name), json!([resource.usage, resource.limit])))
        .collect();
    facts.json("resources", Value::Object(resources));
}

fn of_metadata(metadata: &Metadata, facts: &mut Facts) {
    facts.text("mailbox", metadata.mailbox.as_bytes());
    match &metadata.data {
        MetadataData::Entries(entries) => {
            let entries =
                entries.iter().map(|(name, value)| (text(name), value.as_ref().map(|v| v.to_vec())));
            facts.add("entries", Fact::Texts(entries.collect()));
        }
        MetadataData::Changed(names) => {
            facts.json("entry_names", names.iter().map(|name| text(name)).collect::<Vec<_>>());
        }
    }
}
