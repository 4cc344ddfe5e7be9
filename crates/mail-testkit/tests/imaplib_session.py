"""A session of Python's imaplib with the server: HOST IMAPS STARTTLS CA_FILE, the password in PASSWORD."""

import imaplib
import os
import ssl
import sys
import time

host, imaps, starttls, ca_file = sys.argv[1:5]
password = os.environ["PASSWORD"]
imaplib.Debug = int(os.environ.get("IMAPLIB_DEBUG", "0"))


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def session(client):
    ok(client.login("alice", password))
    names = ok(client.list())
    assert b'(\\HasNoChildren) "/" INBOX' in names, names
    assert any(b"Entw&APw-rfe" in name for name in names), names
    assert ok(client.select("INBOX")) == [b"3"]
    assert client.response("UIDVALIDITY")[1][0].isdigit()

    first = ok(client.uid("FETCH", "1", "(UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])"))
    assert first[0][1] == b"Subject: one\r\n\r\nfirst body\r\n", first
    assert b"RFC822.SIZE 28" in first[0][0] and b"UID 1" in first[0][0], first
    assert b"\\Seen" not in first[0][0], first
    part = ok(client.fetch("2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<7.4>)"))
    assert part[0][1] == b"Subject: two\r\n\r\n", part
    assert part[1][1] == b"body", part

    body = b"Subject: appended\r\n\r\n.dots\r\n\xff\r\n"
    date = imaplib.Time2Internaldate(time.gmtime(1_600_000_000))
    ok(client.append("INBOX", "(\\Flagged)", date, body))
    assert ok(client.noop())
    [found] = ok(client.uid("SEARCH", None, "SUBJECT", "appended", "FLAGGED"))
    uid = found.decode()
    read = ok(client.uid("FETCH", uid, "(BODY[] INTERNALDATE)"))
    assert read[0][1] == body, read
    assert b"13-Sep-2020 12:26:40 +0000" in b"".join(read[0][:1] + tuple(read[1:])), read

    ok(client.uid("STORE", uid, "+FLAGS", "(\\Deleted $Junk)"))
    [flags] = ok(client.uid("FETCH", uid, "(FLAGS)"))
    for flag in (b"\\Deleted", b"$Junk", b"\\Seen", b"\\Flagged"):
        assert flag in flags, flags
    assert ok(client.expunge()) == [b"4"]
    [left] = ok(client.uid("SEARCH", None, "ALL"))
    assert left == b"1 2 3", left

    ok(client.create("Made"))
    ok(client.uid("COPY", "1:2", "Made"))
    assert b"MESSAGES 2" in ok(client.status("Made", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
    ok(client.rename("Made", "Renamed"))
    assert ok(client.select("Renamed", readonly=True)) == [b"2"]
    ok(client.unselect())
    ok(client.delete("Renamed"))
    assert client.select("Renamed")[0] == "NO"
    extensions(client)
    assert client.logout()[0] == "BYE"


def extensions(client):
    """What imaplib knows beyond the base: the answers must be what it can read."""
    assert ok(client.select("INBOX")) == [b"3"]
    assert ok(client.sort("(REVERSE SIZE)", "UTF-8", "ALL"))[0].split() == [b"2", b"1", b"3"]
    assert ok(client.thread("REFERENCES", "UTF-8", "ALL")) == [b"(1)(2)(3)"]
    envelope = ok(client.fetch("1", "(ENVELOPE BODYSTRUCTURE RFC822.HEADER)"))
    assert b'ENVELOPE (NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL)' in envelope[0][0], envelope
    assert b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 12 1 NIL NIL NIL NIL)' in envelope[0][0]
    assert envelope[0][1] == b"Subject: one\r\n\r\n", envelope
    assert ok(client.namespace())[0] == b'(("" "/")) NIL NIL'
    root, quota = ok(client.getquotaroot("INBOX"))
    assert root == [b"INBOX"] and quota == [None], (root, quota)
    assert ok(client.myrights("INBOX"))[0].startswith(b"INBOX lrs")
    ok(client.setacl("INBOX", "bob", "lr"))
    assert b"bob lr" in ok(client.getacl("INBOX"))[0]
    ok(client.deleteacl("INBOX", "bob"))
    ok(client._simple_command("LIST", '"" "*" RETURN (STATUS (MESSAGES))'))
    ok(client.create("Aside"))
    ok(client.copy("1:2", "Aside"))
    ok(client.select("Aside"))
    ok(client.uid("MOVE", "1", "Aside"))
    assert ok(client.uid("SEARCH", None, "SUBJECT", "one")) == [b"3"]
    ok(client.unselect())
    ok(client.delete("Aside"))


def utf8_session(client):
    ok(client.login("alice", password))
    ok(client.enable("UTF8=ACCEPT"))
    assert client.utf8_enabled
    body = "Subject: größe\r\n\r\n".encode()
    ok(client.append('"Entwürfe"', None, None, body))
    assert ok(client.select('"Entwürfe"')) == [b"1"]
    # imaplib puts its UTF8 (…) into the literal instead of around it.
    assert body in ok(client.fetch("1", "(BODY.PEEK[])"))[0][1]
    client.logout()


trusting = ssl.create_default_context(cafile=ca_file)
session(imaplib.IMAP4_SSL(host, int(imaps), ssl_context=trusting))

client = imaplib.IMAP4(host, int(starttls))
try:
    client.login("alice", password)
    raise AssertionError("logged in before TLS")
except imaplib.IMAP4.error:
    pass
ok(client.starttls(trusting))
session(client)

client = imaplib.IMAP4_SSL(host, int(imaps), ssl_context=trusting)
client.authenticate("PLAIN", lambda _: b"\0alice\0" + password.encode())
ok(client.select("INBOX"))
client.logout()
utf8_session(imaplib.IMAP4_SSL(host, int(imaps), ssl_context=trusting))
print("imaplib is content")
