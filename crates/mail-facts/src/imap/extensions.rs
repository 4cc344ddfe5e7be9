//! Responses of IMAP's extensions.

use mail_proto::imap::{
    Acl, ESearch, ListRights, Metadata, MetadataData, MyRights, Namespace, Namespaces, PartialRange, Quota,
    QuotaRoot, Search, SequenceSet, Threads, UidBatches, Vanished, response::Untagged,
};
use serde_json::{Map, Value, json};

use super::{lossy, pairs, unknown};
use crate::facts::{Facts, Tree};

pub(super) fn kind(data: &Untagged) -> &'static str {
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

pub(super) fn add(data: &Untagged, facts: &mut Facts) {
    match data {
        Untagged::Namespace(found) => namespaces(found, facts),
        Untagged::ESearch(found) => esearch(found, facts),
        Untagged::Sort(Search { numbers, modseq }) => {
            facts.json("nums", numbers.clone());
            if let Some(modseq) = modseq {
                facts.json("modseq", *modseq);
            }
        }
        Untagged::Thread(found) => threads(found, facts),
        Untagged::Vanished(Vanished { earlier, uids }) => {
            facts.json("earlier", *earlier).text("uids", uids.to_string());
        }
        Untagged::Quota(found) => quota(found, facts),
        Untagged::QuotaRoot(QuotaRoot { mailbox, roots }) => {
            facts.text("mailbox", mailbox.as_bytes()).words("roots", roots);
        }
        Untagged::Acl(Acl { mailbox, entries }) => {
            facts.text("mailbox", mailbox.as_bytes());
            facts.tree(
                "acl",
                pairs(entries.iter().map(|(name, rights)| (&name[..], Some(rights.as_bytes())))),
            );
        }
        Untagged::ListRights(ListRights { mailbox, identifier, required, optional }) => {
            facts.text("mailbox", mailbox.as_bytes()).text("identifier", identifier);
            facts.text("required", required.as_bytes());
            facts.words("optional", optional.iter().map(|rights| rights.as_bytes()));
        }
        Untagged::MyRights(MyRights { mailbox, rights }) => {
            facts.text("mailbox", mailbox.as_bytes()).text("rights", rights.as_bytes());
        }
        Untagged::Metadata(found) => metadata(found, facts),
        Untagged::UidBatches(UidBatches { tag, batches }) => {
            facts.nullable("esearch_tag", tag.as_ref());
            facts.nullable("batches", batches.as_ref().map(ToString::to_string));
        }
        Untagged::JmapAccess(url) => drop(facts.text("url", url)),
        _ => {}
    }
}

fn namespaces(namespaces: &Namespaces, facts: &mut Facts) {
    let list = |namespaces: &[Namespace]| {
        let one = |namespace: &Namespace| {
            let delimiter = namespace.delimiter.map(|byte| char::from(byte).to_string());
            Tree::List(vec![Tree::owned(namespace.prefix.clone()), Tree::Other(delimiter.into())])
        };
        Tree::List(namespaces.iter().map(one).collect())
    };
    facts.tree("personal", list(&namespaces.personal));
    facts.tree("other", list(&namespaces.other_users));
    facts.tree("shared", list(&namespaces.shared));
}

fn esearch(found: &ESearch, facts: &mut Facts) {
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
        facts.text("partial_range", partial_range(range));
        facts.nullable("partial", part.as_ref().map(ToString::to_string));
    }
    let changes = |changes: &[(u32, SequenceSet)]| -> Value {
        changes.iter().map(|(place, set)| json!([place, set.to_string()])).collect()
    };
    if !found.added.is_empty() {
        facts.json("added", changes(&found.added));
    }
    if !found.removed.is_empty() {
        facts.json("removed", changes(&found.removed));
    }
    if !found.relevancy.is_empty() {
        facts.json("relevancy", found.relevancy.clone());
    }
    unknown(found.other.iter().map(|(name, value)| (&name[..], Some(&value[..]))), facts);
}

pub(super) fn partial_range(range: &PartialRange) -> String {
    match range {
        PartialRange::FromFirst(first, last) => format!("{first}:{last}"),
        PartialRange::FromLast(first, last) => format!("-{first}:-{last}"),
    }
}

fn threads(threads: &Threads, facts: &mut Facts) {
    facts.json("threads", threads.count());
    facts.json("nums", threads.nodes().iter().filter_map(|node| node.number).collect::<Vec<_>>());
}

fn quota(quota: &Quota, facts: &mut Facts) {
    facts.text("root", &quota.root);
    let resources: Map<String, Value> = quota
        .resources
        .iter()
        .map(|resource| (lossy(&resource.name), json!([resource.usage, resource.limit])))
        .collect();
    facts.json("resources", resources);
}

fn metadata(metadata: &Metadata, facts: &mut Facts) {
    facts.text("mailbox", metadata.mailbox.as_bytes());
    match &metadata.data {
        MetadataData::Entries(entries) => {
            facts.tree("entries", pairs(entries.iter().map(|(name, value)| (&name[..], value.as_deref()))));
        }
        MetadataData::Changed(names) => drop(facts.words("entry_names", names)),
    }
}
