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
    assert client.logout()[0] == "BYE"


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
print("imaplib is content")
