//! What servers can do, and what the client makes of what they can't.

use mail_client::{
    ErrorKind,
    pop3::{Apop, Capability},
};

use super::peer::{Answer, Peer};

#[tokio::test(start_paused = true)]
async fn a_server_without_capa_is_probed_around() {
    for answer in ["-ERR unknown command\r\n", "+OK\r\n.\r\n"] {
        let peer = Peer::scripted("", move |_, line| match line {
            "CAPA" => answer.into(),
            _ => Answer::Usual,
        });
        let client = peer.client();
        assert_eq!(client.list().await.unwrap().len(), 3, "it has UIDL all the same");
        assert_eq!(client.top("a", 0).await.unwrap().bytes().await.unwrap().len(), 15);
        assert!(client.capabilities().await.unwrap().is_empty());
        assert_eq!(peer.batch(), 1);
        client.close().await;
    }
    let peer = Peer::new("UIDL\r\nX-NEW a b\r\n");
    let client = peer.client();
    let capabilities = client.capabilities().await.unwrap();
    assert!(capabilities.has(&Capability::Uidl) && capabilities.iter().count() == 2);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_server_lacks_is_a_typed_error_and_numbers_are_left() {
    let peer = Peer::scripted("", |_, line| match line {
        "UIDL" | "LANG" => "-ERR what?\r\n".into(),
        line if line.starts_with("TOP") => "-ERR what?\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    for error in [
        client.list().await.unwrap_err(),
        client.uidl().await.unwrap_err(),
        client.retrieve("a").await.unwrap_err(),
        client.languages().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    assert_eq!(client.stat().await.unwrap().count, 3);
    let session = client.session().await.unwrap();
    let listed = session.list().await.unwrap();
    assert!(listed.iter().all(|message| message.uid.is_none()) && listed.len() == 3);
    assert_eq!(session.top(1, 0).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(session.retrieve(listed[0].number).await.unwrap().bytes().await.unwrap().len(), 18);
    let mut all = session.retrieve_all([1, 2, 9]);
    let mut lens = Vec::new();
    while let Some(message) = all.next().await {
        lens.push(match message {
            Ok(message) => Ok(message.content.bytes().await.unwrap().len()),
            Err(error) => Err(error.kind()),
        });
    }
    assert_eq!(lens, [Ok(18), Ok(0), Err(ErrorKind::Refused)]);
    drop(session);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_listing_with_a_line_that_cannot_be_read_is_not_taken_for_whole() {
    let peer = Peer::scripted("UIDL\r\n", |_, line| match line {
        "UIDL" => "+OK\r\n1 a\r\nwhat b\r\n3 c\r\n.\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.client();
    for error in [client.uidl().await.unwrap_err(), client.list().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
    assert_eq!(client.retrieve("a").await.unwrap().bytes().await.unwrap().len(), 18);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_login_is_by_the_best_that_both_have() {
    for (capabilities, greeting, said) in [
        ("USER\r\n", "+OK\r\n", "USER kim"),
        ("SASL PLAIN LOGIN\r\n", "+OK\r\n", "AUTH PLAIN AGtpbQBzZWNyZXQ="),
        ("USER\r\n", "+OK <1@h>\r\n", "APOP kim "),
    ] {
        let peer =
            Peer::scripted(
                capabilities,
                move |_, line| if line.is_empty() { greeting.into() } else { Answer::Usual },
            );
        let client = peer.client();
        client.noop().await.unwrap();
        assert_eq!(
            peer.heard().iter().filter(|line| line.starts_with(said)).count(),
            usize::from(said != "USER kim")
        );
        assert_eq!(peer.count("USER kim"), usize::from(said == "USER kim"));
        client.close().await;
    }
    let peer =
        Peer::scripted(
            "USER\r\n",
            |_, line| if line.is_empty() { "+OK <1@h>\r\n".into() } else { Answer::Usual },
        );
    let client = peer.builder().apop(Apop::Never).build().unwrap();
    client.noop().await.unwrap();
    assert_eq!(peer.count("PASS secret"), 1);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn language_and_utf8_are_asked_for_where_the_server_has_them() {
    let peer = Peer::scripted("UIDL\r\nUTF8\r\nLANG\r\n", |_, line| match line {
        "LANG" => "+OK\r\nen English\r\nde Deutsch\r\n.\r\n".into(),
        _ => Answer::Usual,
    });
    let client = peer.builder().utf8(true).language("de").build().unwrap();
    let languages = client.languages().await.unwrap();
    let languages: Vec<_> = languages.iter().map(|one| (one.tag.as_str(), one.name.as_str())).collect();
    assert_eq!(languages, [("en", "English"), ("de", "Deutsch")]);
    assert_eq!(peer.heard(), ["UTF8", "LANG de", "LANG"]);
    client.close().await;
    let peer = Peer::new("UIDL\r\n");
    let client = peer.builder().utf8(true).language("de").build().unwrap();
    client.noop().await.unwrap();
    assert_eq!(peer.heard(), ["NOOP"]);
    client.close().await;
    let builder = Peer::new("").builder().language("de\r\nDELE 1");
    assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Argument);
}
