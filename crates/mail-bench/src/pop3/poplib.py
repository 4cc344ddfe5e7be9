"""Retrieves messages by poplib: the job comes on standard input, what it took goes to standard output."""
import json
import poplib
import ssl
import sys
import time


def status(name):
    """A figure of /proc/self/status, in MiB."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) / 1024


job = json.load(sys.stdin)
account = job["account"]
if account["ca_file"]:
    context = ssl.create_default_context(cafile=account["ca_file"])
    session = poplib.POP3_SSL("127.0.0.1", account["port"], context=context)
else:
    session = poplib.POP3("127.0.0.1", account["port"])
session.user(account["user"])
session.pass_(account["password"])
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
resident, cpu, wall = status("VmRSS:"), time.process_time(), time.monotonic()
octets = 0
for number in range(1, job["count"] + 1):
    _, lines, _ = session.retr(number)
    octets += sum(map(len, lines)) + 2 * len(lines)
wall, cpu = time.monotonic() - wall, time.process_time() - cpu
peak = max(status("VmHWM:") - resident, 0)
print(json.dumps({"wall": wall, "cpu": cpu, "rss": peak, "count": job["count"], "bytes": octets}))
