"""Sessions of Python's poplib with the server: HOST POP3S STLS CA_FILE, the password in PASSWORD."""

import os
import poplib
import ssl
import sys

host, pop3s, stls, ca_file = sys.argv[1:5]
password = os.environ["PASSWORD"]
trusting = ssl.create_default_context(cafile=ca_file)


def refused(attempt, *arguments):
    try:
        attempt(*arguments)
    except poplib.error_proto as error:
        return error.args[0]
    raise AssertionError(f"{attempt.__name__}{arguments} was carried out")


def over_tls():
    return poplib.POP3_SSL(host, int(pop3s), context=trusting)


def log_in(client):
    client.user("alice")
    client.pass_(password)
    return client


def read(client):
    assert client.stat() == (3, 106), client.stat()
    assert client.list()[1] == [b"1 28", b"2 76", b"3 2"], client.list()
    assert client.list(2) == b"+OK 2 76"
    names = client.uidl()[1]
    assert [name.split()[0] for name in names] == [b"1", b"2", b"3"]
    assert client.uidl(3) == b"+OK " + names[2]
    assert client.retr(1)[1] == [b"Subject: one", b"", b"first body"]
    assert client.retr(2)[1] == [b"Subject: dots", b"", b".", b"..", b".a", b"8-bit \xff", b"x" * 37], client.retr(2)
    assert client.retr(3)[1] == [b""]
    assert client.top(2, 1)[1] == [b"Subject: dots", b"", b"."]
    assert b"-ERR" in refused(client.retr, 4)
    client.noop()
    return names


# STLS, and no login before it.
client = poplib.POP3(host, int(stls))
assert "STLS" in client.capa() and "USER" not in client.capa()
refused(client.user, "alice")
client.stls(trusting)
assert client.capa()["SASL"] == ["PLAIN"], client.capa()
names = read(log_in(client))
other = over_tls()
other.user("alice")
assert b"[IN-USE]" in refused(other.pass_, password)
client.dele(1)
assert client.stat()[0] == 2
client.rset()
assert client.stat()[0] == 3
client.quit()
log_in(other).quit()

# APOP, and a session that is broken off.
client = over_tls()
client.apop("alice", password)
assert read(client) == names
client.dele(2)
client.close()

client = over_tls()
assert b"[AUTH]" in (client.user("alice"), refused(client.pass_, "wrong"))[1]
log_in(client)
assert read(client) == names
client.dele(1)
client.dele(3)
client.quit()

client = over_tls()
client.utf8()
log_in(client)
assert [name.split()[1] for name in client.uidl()[1]] == [names[1].split()[1]]
client.quit()
print("poplib is content")
