"""What a server holds, as Python's imaplib reads it: one JSON object on standard output.

    PASSWORD=... python3 oracle.py PORT CA_FILE USER

Everything is read by EXAMINE and BODY.PEEK[], so that the reading changes nothing. Mailboxes are named as on the wire.
"""

import hashlib
import imaplib
import json
import os
import re
import ssl
import sys

LIST_LINE = re.compile(rb'\((?P<attributes>[^)]*)\) (?:"(?P<separator>\\?.)"|NIL) (?P<name>.+)', re.DOTALL)
STATUS_ITEMS = "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT HIGHESTMODSEQ)"
WINDOW = 20


def quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def unquoted(name: bytes) -> bytes:
    if not name.startswith(b'"'):
        return name
    return re.sub(rb"\\(.)", rb"\1", name[1:-1], flags=re.DOTALL)


def ask(answer):
    kind, data = answer
    if kind != "OK":
        raise SystemExit(f"the server says {kind} {data}")
    return data


def mailboxes(connection):
    """Names and separators of those that can be selected."""
    for line in ask(connection.list('""', "*")):
        # A name that can't be quoted comes as a literal, in a tuple.
        text, literal = line if isinstance(line, tuple) else (line, None)
        match = LIST_LINE.fullmatch(text)
        name = literal if literal is not None else unquoted(match["name"])
        if b"\\noselect" not in match["attributes"].lower().split():
            yield name, match["separator"]


def status(connection, name):
    """The numbers of a STATUS, before anything is selected."""
    line = b"".join(ask(connection.status(quoted(name), STATUS_ITEMS))[0:1])
    words = line[line.rindex(b"(") + 1 : -1].decode().split()
    return {key.lower(): int(value) for key, value in zip(words[::2], words[1::2])}


def messages(connection, name):
    """UID, flags, size and SHA-256 of each message."""
    ask(connection.select(quoted(name), readonly=True))
    uids = ask(connection.uid("SEARCH", "ALL"))[0].split()
    for at in range(0, len(uids), WINDOW):
        uid_set = b",".join(uids[at : at + WINDOW]).decode()
        for item in ask(connection.uid("FETCH", uid_set, "(UID FLAGS RFC822.SIZE BODY.PEEK[])")):
            if not isinstance(item, tuple):
                continue
            text, body = item
            flags = re.search(rb"FLAGS \(([^)]*)\)", text)[1].decode().split()
            yield {
                "uid": int(re.search(rb"UID (\d+)", text)[1]),
                "flags": sorted(flags),
                "size": int(re.search(rb"RFC822\.SIZE (\d+)", text)[1]),
                "octets": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
            }


def main(port, ca_file, user):
    context = ssl.create_default_context(cafile=ca_file)
    connection = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context)
    connection.login(user, os.environ["PASSWORD"])
    found = []
    for name, separator in sorted(mailboxes(connection)):
        found.append({
            "name": name.decode("latin-1"),
            "separator": separator and separator.decode(),
            "status": status(connection, name),
            "messages": list(messages(connection, name)),
        })
    connection.logout()
    print(json.dumps({"mailboxes": found}))


main(*sys.argv[1:])
