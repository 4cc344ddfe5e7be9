use crate::imap::{AddressBuf, BodyStructureBuf, DispositionBuf, EnvelopeBuf, fetch::Fetch, response};

fn mixed() -> BodyStructureBuf {
    let text = |subtype: &'static str| BodyStructureBuf::single("text", subtype, 10).with_lines(2);
    let alternative = BodyStructureBuf::multipart("alternative", vec![text("plain"), text("html")]);
    let envelope = EnvelopeBuf {
        subject: Some("inner".into()),
        from: vec![AddressBuf::new("ada", "example.org").with_name("Ada")],
        ..EnvelopeBuf::default()
    };
    let single = BodyStructureBuf::single("message", "rfc822", 500)
        .with_lines(9)
        .with_message(envelope.clone(), text("plain"));
    let several = BodyStructureBuf::single("message", "global", 900)
        .with_lines(20)
        .with_message(envelope, alternative.clone());
    let file = BodyStructureBuf::single("application", "pdf", 1 << 40).with_disposition(DispositionBuf {
        kind: "attachment".into(),
        params: vec![("FileName".into(), Some("a \"b\".pdf".into())), ("size".into(), None)],
    });
    BodyStructureBuf::multipart("mixed", vec![alternative, single, several, file])
}

fn built(structure: &BodyStructureBuf) -> Fetch {
    Fetch::build(1).body_structure(structure).build().unwrap()
}

#[test]
fn parts_are_numbered_as_fetch_takes_them() {
    let fetch = built(&mixed());
    let parts: Vec<_> = fetch
        .body_structure()
        .unwrap()
        .walk()
        .map(|part| (part.number, part.structure.content_type()))
        .collect();
    let expected: [(&[u32], &str); 11] = [
        (&[], "multipart/mixed"),
        (&[1], "multipart/alternative"),
        (&[1, 1], "text/plain"),
        (&[1, 2], "text/html"),
        (&[2], "message/rfc822"),
        (&[2, 1], "text/plain"),
        (&[3], "message/global"),
        (&[3], "multipart/alternative"),
        (&[3, 1], "text/plain"),
        (&[3, 2], "text/html"),
        (&[4], "application/pdf"),
    ];
    assert_eq!(parts.iter().map(|(number, kind)| (&number[..], &kind[..])).collect::<Vec<_>>(), expected);
    let single = built(&BodyStructureBuf::single("text", "plain", 3));
    let parts: Vec<_> = single.body_structure().unwrap().walk().map(|part| part.number).collect();
    assert_eq!(parts, [[1]]);
}

#[test]
fn a_view_tells_what_was_built() {
    let fetch = built(&mixed());
    let root = fetch.body_structure().unwrap();
    assert_eq!(root.to_buf(), mixed());
    assert!(root.is_multipart() && root.is("MULTIPART", "Mixed") && root.encoding().is_none());
    assert_eq!((root.children().count(), root.depth()), (4, 4));
    let file = root.find(&[4]).unwrap();
    assert_eq!(file.octets(), Some(1 << 40));
    assert_eq!(file.filename().unwrap().to_bytes().as_ref(), b"a \"b\".pdf");
    assert_eq!(file.disposition().unwrap().params.get("SIZE"), None);
    let message = root.find(&[2]).unwrap();
    assert_eq!(message.envelope().unwrap().subject().unwrap().to_bytes().as_ref(), b"inner");
    assert_eq!(message.message().unwrap().lines(), Some(2));
    assert_eq!(message.children().count(), 0);
    assert!(root.find(&[5]).is_none() && root.envelope().is_none());
}

#[test]
fn sixty_four_levels_are_read_and_written_and_no_more() {
    let nested = |levels: usize| {
        let leaf = BodyStructureBuf::single("text", "plain", 1).with_lines(1);
        (1..levels).fold(leaf, |inner, _| BodyStructureBuf::multipart("mixed", vec![inner]))
    };
    assert_eq!(built(&nested(64)).body_structure().unwrap().depth(), 64);
    assert!(Fetch::build(1).body_structure(&nested(65)).build().is_err());
    for parentheses in [65, 1 << 20] {
        let wire = [&b"* 1 FETCH (UID 7 BODYSTRUCTURE "[..], &b"(".repeat(parentheses), b")\r\n"].concat();
        let parsed = response::parse(wire, Default::default()).unwrap();
        let response::Response::Untagged(response::Untagged::Fetch(fetch)) = parsed.value else { panic!() };
        assert_eq!((fetch.uid(), fetch.body_structure()), (Some(7), None));
        assert_eq!(fetch.invalid().next().unwrap().expected, "at most 64 levels of nesting");
    }
}

#[test]
fn a_structure_without_extension_data_is_body() {
    let text = BodyStructureBuf::single("text", "plain", 10).with_lines(2);
    let fetch = Fetch::build(1).body_basic(&text).build().unwrap();
    assert_eq!(fetch.body_structure().unwrap().to_buf(), text);
    assert!(!fetch.items().any(|item| matches!(item, crate::imap::fetch::Item::BodyStructure(_))));
}
