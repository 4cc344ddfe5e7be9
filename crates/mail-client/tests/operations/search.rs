//! Searching, sorting, threading.

use mail_client::{
    ErrorKind,
    imap::{
        Capability, PartialRange, ResponseCode, SearchKey, SequenceSet, SortBy, SortKey, ThreadAlgorithm,
    },
};

use crate::common::dialogue::Dialogue;

fn set(text: &str) -> SequenceSet {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_result_is_the_same_with_and_without_esearch() {
    for (capabilities, asked, answer) in [
        ("ESEARCH", "RETURN (ALL) UNSEEN", "* ESEARCH (TAG \"A2\") UID ALL 12,3:5"),
        ("IMAP4rev2", "RETURN (ALL) UNSEEN", "* ESEARCH (TAG \"A2\") UID ALL 3:4,5,12"),
        ("", "UNSEEN", "* SEARCH 12 3 5 4"),
        ("", "UNSEEN", "* SEARCH 3 4\n* SEARCH 5 12"),
        // It says that it has it, and hasn't.
        ("ESEARCH", "RETURN (ALL) UNSEEN", "* SEARCH 3 4 5 12"),
    ] {
        let (client, verdict) = Dialogue::with(capabilities)
            .selected()
            .turn(&format!("A2 UID SEARCH {asked}"), &format!("{answer}\nA2 OK done"))
            .begin();
        let found = client.select("INBOX").await.unwrap().search(SearchKey::unseen()).await.unwrap();
        assert_eq!(found.uids().to_string(), "3:5,12", "{answer}");
        assert_eq!((found.count(), found.min(), found.max()), (4, Some(3), Some(12)));
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_found_is_told_from_nothing_said() {
    for (capabilities, asked, answer, is_empty) in [
        ("ESEARCH", "RETURN (ALL) ALL", "* ESEARCH (TAG \"A2\") UID\n", true),
        ("", "ALL", "* SEARCH\n", true),
        ("ESEARCH", "RETURN (ALL) ALL", "", false),
        ("", "ALL", "", false),
        // Not all that was found, not this command's, and not UIDs.
        ("ESEARCH", "RETURN (ALL) ALL", "* ESEARCH (TAG \"A2\") UID COUNT 3\n", false),
        ("ESEARCH", "RETURN (ALL) ALL", "* ESEARCH (TAG \"A1\") UID ALL 3\n", false),
        ("ESEARCH", "RETURN (ALL) ALL", "* ESEARCH (TAG \"A2\") ALL 3\n", false),
        ("ESEARCH", "RETURN (ALL) ALL", "* ESEARCH (TAG \"A2\") UID ALL 3:*\n", false),
    ] {
        let (client, verdict) = Dialogue::with(capabilities)
            .selected()
            .turn(&format!("A2 UID SEARCH {asked}"), &format!("{answer}A2 OK done"))
            .begin();
        let found = client.select("INBOX").await.unwrap().search(SearchKey::All).await;
        match found {
            Ok(found) => assert!(is_empty && found.is_empty(), "{answer}"),
            Err(error) => {
                assert!(!is_empty, "{answer}: {error}");
                assert_eq!(error.kind(), ErrorKind::Protocol);
                assert_eq!(error.command(), Some("UID SEARCH INBOX"));
            }
        }
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_summary_brings_no_list_where_it_need_not() {
    for (capabilities, asked, answer) in [
        (
            "ESEARCH CONDSTORE",
            "RETURN (MIN MAX COUNT) MODSEQ 5",
            "* ESEARCH (TAG \"A2\") UID MIN 3 MAX 12 COUNT 4 MODSEQ 917",
        ),
        ("CONDSTORE", "MODSEQ 5", "* SEARCH 3 12 5 4 (MODSEQ 917)"),
    ] {
        let (client, verdict) = Dialogue::with(capabilities)
            .selected()
            .turn(&format!("A2 UID SEARCH {asked}"), &format!("{answer}\nA2 OK done"))
            .begin();
        let inbox = client.select("INBOX").await.unwrap();
        let summary = inbox.search_summary(SearchKey::changed_since(5)).await.unwrap();
        assert_eq!((summary.count, summary.min, summary.max), (4, Some(3), Some(12)));
        assert_eq!(summary.mod_seq, Some(917));
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_is_the_same_whoever_cuts_it() {
    for (capabilities, part, asked, answer, expected) in [
        (
            "ESEARCH PARTIAL",
            PartialRange::FromLast(1, 2),
            "RETURN (PARTIAL -1:-2) ALL",
            "* ESEARCH (TAG \"A2\") UID PARTIAL (-1:-2 5,12)",
            "5,12",
        ),
        (
            "ESEARCH CONTEXT=SEARCH",
            PartialRange::FromFirst(1, 3),
            "RETURN (PARTIAL 1:3) ALL",
            "* ESEARCH (TAG \"A2\") UID PARTIAL (1:3 3:5)",
            "3:5",
        ),
        (
            "ESEARCH CONTEXT=SEARCH",
            PartialRange::FromLast(1, 2),
            "RETURN (ALL) ALL",
            "* ESEARCH (TAG \"A2\") UID ALL 3:5,12",
            "5,12",
        ),
        ("", PartialRange::FromFirst(1, 3), "ALL", "* SEARCH 3 4 5 12", "3:5"),
        (
            "ESEARCH PARTIAL",
            PartialRange::FromFirst(100, 200),
            "RETURN (PARTIAL 100:200) ALL",
            "* ESEARCH (TAG \"A2\") UID PARTIAL (100:200 NIL)",
            "",
        ),
    ] {
        let (client, verdict) = Dialogue::with(capabilities)
            .selected()
            .turn(&format!("A2 UID SEARCH {asked}"), &format!("{answer}\nA2 OK done"))
            .begin();
        let inbox = client.select("INBOX").await.unwrap();
        assert_eq!(inbox.search_partial(SearchKey::All, part).await.unwrap().to_string(), expected);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_charset_is_named_only_where_it_is_needed() {
    let (client, verdict) = Dialogue::with("LITERAL+")
        .selected()
        .turn("A2 UID SEARCH SUBJECT \"the bill\"", "* SEARCH 1\nA2 OK done")
        .turn(
            "A3 UID SEARCH CHARSET UTF-8 SUBJECT {5+}\nprüf",
            "A3 NO [BADCHARSET (US-ASCII ISO-8859-1)] not here",
        )
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    assert_eq!(inbox.search(SearchKey::subject("the bill")).await.unwrap().count(), 1);
    let error = inbox.search(SearchKey::subject("prüf")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadCharset);
    let Some(ResponseCode::BadCharset(known)) = error.code() else { panic!("{error:?}") };
    assert_eq!(known, &["US-ASCII", "ISO-8859-1"]);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_match_or_means_nothing_is_not_asked() {
    let (client, verdict) = Dialogue::with("SORT THREAD=REFS")
        .selected()
        .turn("A2 UID SEARCH UID 7", "* SEARCH 7\nA2 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let nothing = || SearchKey::Uid(SequenceSet::default());
    assert!(inbox.search(nothing() & SearchKey::seen()).await.unwrap().is_empty());
    assert_eq!(inbox.search_summary(nothing()).await.unwrap().count, 0);
    assert!(inbox.search_partial(nothing(), PartialRange::FromFirst(1, 9)).await.unwrap().is_empty());
    assert!(inbox.sort([SortKey::ascending(SortBy::Date)], nothing()).await.unwrap().is_empty());
    assert_eq!(inbox.thread(ThreadAlgorithm::Refs, nothing()).await.unwrap().count(), 0);
    assert_eq!(inbox.search(nothing() | SearchKey::Uid(set("7"))).await.unwrap().count(), 1);
    for key in [SearchKey::Sequence(set("1:3")), !SearchKey::Uid(SequenceSet::saved())] {
        assert_eq!(inbox.search(key.clone()).await.unwrap_err().kind(), ErrorKind::Argument);
        let order = [SortKey::ascending(SortBy::Date)];
        assert_eq!(inbox.sort(order, key).await.unwrap_err().kind(), ErrorKind::Argument);
    }
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn sorting_keeps_the_servers_order() {
    let (client, verdict) = Dialogue::with("SORT SORT=DISPLAY")
        .selected()
        .turn(
            "A2 UID SORT (REVERSE DATE DISPLAYFROM) US-ASCII UNDELETED",
            "* SORT 12 3 5\n* SORT 4\nA2 OK done",
        )
        .turn("A3 UID SORT (SUBJECT) US-ASCII ALL", "A3 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let order = [SortKey::descending(SortBy::Date), SortKey::ascending(SortBy::DisplayFrom)];
    assert_eq!(inbox.sort(order, !SearchKey::deleted()).await.unwrap(), [12, 3, 5, 4]);
    let error = inbox.sort([SortKey::ascending(SortBy::Subject)], SearchKey::All).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "nothing said is not nothing found");
    let error = inbox.sort([SortKey::ascending(SortBy::Relevancy)], SearchKey::All).await.unwrap_err();
    assert_eq!(error.missing(), Some(&Capability::SearchFuzzy));
    let error = inbox.sort([], SearchKey::All).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn threads_come_as_trees() {
    let (client, verdict) = Dialogue::with("THREAD=REFERENCES")
        .selected()
        .turn("A2 UID THREAD REFERENCES US-ASCII ALL", "* THREAD (3 6 (4 23)(44 7))(8)\nA2 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    let threads = inbox.thread(ThreadAlgorithm::References, SearchKey::All).await.unwrap();
    assert_eq!((threads.count(), threads.nodes().len()), (2, 7));
    let error = inbox.thread(ThreadAlgorithm::OrderedSubject, SearchKey::All).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.missing().unwrap().to_string(), "THREAD=ORDEREDSUBJECT");
    verdict.check().await;
}

#[tokio::test(start_paused = true)]
async fn no_and_bad_are_never_an_empty_result() {
    for answer in ["NO [UNAVAILABLE] later", "BAD what?"] {
        let (client, verdict) = Dialogue::with("ESEARCH SORT")
            .selected()
            .turn("A2 UID SEARCH RETURN (ALL) ALL", &format!("A2 {answer}"))
            .turn("A3 UID SORT (DATE) US-ASCII ALL", &format!("* SORT 5\nA3 {answer}"))
            .begin();
        let inbox = client.select("INBOX").await.unwrap();
        let error = inbox.search(SearchKey::All).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.is_retryable(), answer.starts_with("NO"));
        let order = [SortKey::ascending(SortBy::Date)];
        assert_eq!(inbox.sort(order, SearchKey::All).await.unwrap_err().kind(), ErrorKind::Refused);
        verdict.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn p29_a_search_that_was_cut_is_asked_once_more() {
    let (client, verdict) = Dialogue::with("THREAD=REFS")
        .selected()
        .cut("A2 UID SEARCH ALL")
        .again("THREAD=REFS")
        .selected()
        .turn("A2 UID SEARCH ALL", "* SEARCH 5\nA2 OK done")
        .cut("A3 UID THREAD REFS US-ASCII ALL")
        .again("THREAD=REFS")
        .selected()
        .turn("A2 UID THREAD REFS US-ASCII ALL", "* THREAD (5)\nA2 OK done")
        .begin();
    let inbox = client.select("INBOX").await.unwrap();
    assert_eq!(inbox.search(SearchKey::All).await.unwrap().count(), 1);
    assert_eq!(inbox.thread(ThreadAlgorithm::Refs, SearchKey::All).await.unwrap().count(), 1);
    verdict.check().await;
}
