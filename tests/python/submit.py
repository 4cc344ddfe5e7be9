"""Sends messages by Python's smtplib, and prints what became of them as one JSON line.

Standard input is a JSON object: port, tls ("implicit", "starttls" or "none"), ca_file, user, password, mechanism, and
messages, each with sender, recipients, options (of MAIL) and the message as latin-1 text. Printed: the EHLO keywords
after TLS and login, and for each message the refused recipients with their replies, or the reply that refused it whole.
"""

import json
import smtplib
import ssl
import sys

wanted = json.load(sys.stdin)
context = ssl.create_default_context(cafile=wanted["ca_file"])
if wanted["tls"] == "implicit":
    smtp = smtplib.SMTP_SSL("localhost", wanted["port"], timeout=60, context=context)
else:
    smtp = smtplib.SMTP("localhost", wanted["port"], timeout=60)
if wanted["tls"] == "starttls":
    smtp.starttls(context=context)
smtp.ehlo()
smtp.user, smtp.password = wanted["user"], wanted["password"]
mechanism = wanted["mechanism"]
smtp.auth(mechanism, getattr(smtp, "auth_" + mechanism.lower().replace("-", "_")))
smtp.ehlo()
keywords = {keyword.upper(): parameters for keyword, parameters in smtp.esmtp_features.items()}

results = []
for message in wanted["messages"]:
    try:
        refused = smtp.sendmail(
            message["sender"], message["recipients"], message["message"].encode("latin-1"), message["options"]
        )
        results.append({to: f"{code} {text.decode()}" for to, (code, text) in refused.items()})
    except smtplib.SMTPRecipientsRefused as error:
        results.append({to: f"{code} {text.decode()}" for to, (code, text) in error.recipients.items()})
    except smtplib.SMTPResponseException as error:
        results.append(f"{error.smtp_code} {error.smtp_error.decode()}")
smtp.quit()
print(json.dumps({"keywords": keywords, "results": results}))
