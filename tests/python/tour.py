"""Uses a server by Python's imaplib and poplib, and prints what was seen as one JSON line.

Standard input is a JSON object: ports (imap, imaps, pop3, pop3s), ca_file, user, password.
"""

import imaplib
import json
import poplib
import ssl
import sys

wanted = json.load(sys.stdin)
ports, user, password = wanted["ports"], wanted["user"], wanted["password"]
context = ssl.create_default_context(cafile=wanted["ca_file"])
message = b"Subject: tour\r\n\r\n.\r\nbody\r\n"

with imaplib.IMAP4("localhost", ports["imap"], timeout=60) as imap:
    imap.login(user, password)
    stored = imap.append("INBOX", None, None, message)
    assert stored[0] == "OK", stored

with imaplib.IMAP4("localhost", ports["imap"], timeout=60) as imap:
    imap.starttls(ssl_context=context)
    imap.login(user, password)
    names = sorted(line.split()[-1].decode().strip('"') for line in imap.list()[1])

with imaplib.IMAP4_SSL("localhost", ports["imaps"], timeout=60, ssl_context=context) as imap:
    imap.login(user, password)
    capabilities = imap.capability()[1][0].decode().split()
    imap.select("INBOX", readonly=True)
    fetched = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
    assert fetched == message, fetched

pop3 = poplib.POP3("localhost", ports["pop3"], timeout=60)
pop3.stls(context)
pop3.user(user)
pop3.pass_(password)
assert pop3.stat()[0] == 1
pop3.quit()

pop3 = poplib.POP3_SSL("localhost", ports["pop3s"], timeout=60, context=context)
pop3.user(user)
pop3.pass_(password)
retrieved = b"\r\n".join(pop3.retr(1)[1]) + b"\r\n"
assert retrieved == message, retrieved
pop3.quit()

print(json.dumps({"mailboxes": names, "capabilities": capabilities}))
