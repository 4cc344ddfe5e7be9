"""Submits messages by Python's smtplib, over TLS from the start and by STARTTLS.

Arguments: host, port with TLS, port with STARTTLS, CA file. PASSWORD is in the environment. Says that it is content, or
fails.
"""

import os
import smtplib
import ssl
import sys
from email.message import EmailMessage

host, tls_port, starttls_port, ca_file = sys.argv[1:]
password = os.environ["PASSWORD"]
context = ssl.create_default_context(cafile=ca_file)


def message(subject, body):
    message = EmailMessage()
    message["From"] = "alice@example.org"
    message["To"] = "alice@example.org, bob@example.org"
    message["Subject"] = subject
    message.set_content(body)
    return message


with smtplib.SMTP_SSL(host, int(tls_port), context=context) as smtp:
    assert smtp.ehlo()[0] == 250
    for keyword in ["pipelining", "size", "8bitmime", "smtputf8", "chunking", "dsn", "enhancedstatuscodes", "auth"]:
        assert smtp.has_extn(keyword), keyword
    assert not smtp.has_extn("starttls")
    try:
        smtp.login("alice", "wrong")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535, error
    else:
        raise AssertionError("a wrong password")
    smtp.login("alice", password)
    assert smtp.send_message(message("one", "first\n.\n..\n.end\n")) == {}
    assert smtp.verify("alice")[0] == 252
    assert smtp.noop()[0] == 250
    assert smtp.help()
    # In UTF-8, by SMTPUTF8.
    smtp.send_message(message("zwei", "dr\u00e9i\n"), "\u00e9lise@example.org", ["bob@example.org"])
    # 8 bits as they are.
    raw = b"Subject: raw\r\n\r\n\xe9\xff\r\n"
    assert smtp.sendmail("alice@example.org", ["bob@example.org"], raw, ["BODY=8BITMIME"]) == {}
    refused = smtp.sendmail("alice@example.org", ["nobody@example.org", "bob@example.org"], raw)
    assert refused["nobody@example.org"][0] == 550, refused
    try:
        smtp.sendmail("alice@example.org", ["nobody@example.org"], raw)
    except smtplib.SMTPRecipientsRefused as error:
        assert error.recipients["nobody@example.org"][0] == 550, error
    else:
        raise AssertionError("nobody got it")

with smtplib.SMTP(host, int(starttls_port)) as smtp:
    try:
        smtp.sendmail("alice@example.org", ["bob@example.org"], "early")
    except smtplib.SMTPSenderRefused as error:
        assert error.smtp_code == 530, error
    else:
        raise AssertionError("mail before TLS")
    smtp.starttls(context=context)
    smtp.user, smtp.password = "alice", password
    for mechanism in [smtp.auth_plain, smtp.auth_login, smtp.auth_cram_md5]:
        name = mechanism.__name__.removeprefix("auth_").upper().replace("_", "-")
        with smtplib.SMTP(host, int(starttls_port)) as other:
            other.starttls(context=context)
            other.ehlo()
            other.user, other.password = "alice", password
            other.auth(name, getattr(other, mechanism.__name__))
    smtp.login("alice", password)
    smtp.send_message(message("two", "second\n"))

print("smtplib is content")
