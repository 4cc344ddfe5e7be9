use super::*;
use crate::imap::{flags::Flag, terminals::Context};

fn fetch(wire: &[u8]) -> Fetch {
    let frame = Bytes::copy_from_slice(wire);
    let mut cx = Context::new(&frame, false);
    parse_message(Start::of(1), &frame, None, &mut cx).unwrap().with_frame(frame)
}

#[test]
fn items_in_any_order_and_case() {
    let fetch = fetch(
        b"(flags (\\seen $Forwarded) BODY[HEADER] {6}\r\na: b\r\n UID 12 RFC822.SIZE 99 \
          INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" MODSEQ (7))\r\n",
    );
    assert_eq!((fetch.uid(), fetch.size(), fetch.mod_seq()), (Some(12), Some(99), Some(7)));
    let flags = fetch.flags().unwrap();
    assert!(flags.seen() && flags.contains(&Flag::new("$forwarded")) && !flags.contains(&Flag::Deleted));
    assert_eq!(flags.to_vec(), [Flag::Seen, Flag::Other("$Forwarded".into())]);
    assert_eq!(fetch.internal_date().unwrap().parse().unwrap().unix_seconds(), 837_596_665);
    let body = fetch.body().unwrap();
    assert_eq!((body.section(), body.to_bytes().unwrap()), (&b"HEADER"[..], Bytes::from("a: b\r\n")));
}

#[test]
fn a_node_stays_small() {
    assert!(size_of::<Node>() <= 40, "{}", size_of::<Node>());
}

#[test]
fn nil_is_no_body_and_an_empty_one_is() {
    assert_eq!(fetch(b"(UID 1 BODY[] NIL)\r\n").body().unwrap().to_bytes(), None);
    assert_eq!(fetch(b"(UID 1 BODY[] {0}\r\n)\r\n").body().unwrap().to_bytes().unwrap(), "");
    assert_eq!(fetch(b"(UID 1 BODY[] \"\")\r\n").body().unwrap().to_bytes().unwrap(), "");
    assert_eq!(fetch(b"(RFC822 \"a\\\"b\")\r\n").body().unwrap().to_bytes().unwrap(), "a\"b");
    assert_eq!(fetch(b"(RFC822.TEXT \"x\")\r\n").body().unwrap().section(), b"TEXT");
}

#[test]
fn unknown_items_are_kept() {
    let fetch = fetch(b"(UID 12 X-FOO ({10}\r\n) UID 9 (( x) FLAGS (\\Seen))\r\n");
    assert_eq!(fetch.uid(), Some(12));
    assert!(fetch.flags().unwrap().seen());
    assert!(
        fetch.items().any(|item| item == Item::Unknown { name: b"X-FOO", raw: b"({10}\r\n) UID 9 (( x)" })
    );
}

#[test]
fn an_unreadable_item_costs_only_itself() {
    let fetch = fetch(b"(RFC822.SIZE -5 UID 3 MODSEQ (x) FLAGS (\\Seen))\r\n");
    assert_eq!((fetch.uid(), fetch.size()), (Some(3), None));
    assert!(fetch.flags().unwrap().seen());
    let invalid: Vec<_> = fetch.invalid().collect();
    assert_eq!(invalid.len(), 2);
    assert_eq!(invalid[0], Invalid { raw: b"RFC822.SIZE -5", offset: 13, expected: "a number" });
}

#[test]
fn two_uids_are_none() {
    assert_eq!(fetch(b"(UID 3 UID 4)\r\n").uid(), None);
    assert_eq!(fetch(b"(UID 3 UID 3)\r\n").uid(), Some(3));
}

#[test]
fn a_streamed_body_is_told_with_what_stood_before_it() {
    let frame = Bytes::from_static(b"(UID 4 BODY[1.2]<100> {70000}\r\n");
    let mut cx = Context::new(&frame, false);
    let head = parse_message(Start::of(9), &frame, Some(70_000), &mut cx).unwrap().with_frame(frame.clone());
    assert_eq!(head.uid(), Some(4));
    let streamed = Streamed { name: b"BODY[1.2]", section: Some(b"1.2"), origin: Some(100), len: 70_000 };
    assert_eq!(head.streamed(), Some(streamed));
    let frame = Bytes::from_static(b" FLAGS (\\Seen))\r\n");
    let mut cx = Context::new(&frame, false);
    let tail = parse_message(head.goes_on(None), &frame, None, &mut cx).unwrap().with_frame(frame.clone());
    assert!(tail.continues() && tail.flags().unwrap().seen() && tail.streamed().is_none());
    assert!(cx.into_quirks().is_empty());
}

#[test]
fn what_is_built_is_what_was_said() {
    let date = DateTime::from_unix_seconds(837_596_665);
    let flags = [Flag::Answered, Flag::Other("Work".into())];
    let built = Fetch::build(7)
        .uid(u32::MAX)
        .flags(&flags)
        .internal_date(&date)
        .size(1 << 40)
        .mod_seq(u64::MAX)
        .body(&Section::all(), Some(5), Some("\r\n)".into()))
        .build()
        .unwrap();
    assert_eq!((built.seq(), built.uid(), built.size()), (7, Some(u32::MAX), Some(1 << 40)));
    assert_eq!(built.flags().unwrap().to_vec(), flags);
    assert_eq!(built.internal_date().unwrap().parse(), Some(date));
    assert_eq!(built.mod_seq(), Some(u64::MAX));
    let body = built.body().unwrap();
    assert_eq!((body.origin(), body.to_bytes().unwrap()), (Some(5), Bytes::from("\r\n)")));
    assert_eq!(built.invalid().count(), 0);
}
