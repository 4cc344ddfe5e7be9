//! The mail that is fetched and stored.

use std::fmt::Write;

/// A message to be listed: small, with a header and a structure as mail from a company has them.
pub(crate) fn to_list(number: usize) -> Vec<u8> {
    let mut text = String::new();
    let _ = write!(
        text,
        "From: \"Sender {number} of the Company\" <sender{number}@mail.example.org>\r\n\
         Sender: bounces-{number}@lists.example.org\r\n\
         Reply-To: \"Customer Service\" <service@example.org>\r\n\
         To: \"Kim Tester\" <kim.tester@example.com>, \"Sam O'Neill\" <sam@example.net>\r\n\
         Cc: =?UTF-8?Q?J=C3=BCrgen?= <juergen@example.de>, team@example.com\r\n\
         Subject: Your order no. {number} was sent =?UTF-8?B?w6l0w6k=?= and will arrive soon\r\n\
         Date: Mon, {:02} Jan 2024 {:02}:{:02}:07 +0100\r\n\
         In-Reply-To: <question.{number}@mail.example.com>\r\n\
         Message-ID: <{number}.2024.abcdef0123456789@mail.example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"=_outer_{number}\"\r\n\r\n",
        number % 28 + 1,
        number % 24,
        number % 60,
    );
    let _ = write!(
        text,
        "--=_outer_{number}\r\nContent-Type: multipart/alternative; boundary=\"=_inner_{number}\"\r\n\r\n\
         --=_inner_{number}\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nIt is on its way.\r\n\
         --=_inner_{number}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>It is on its way.</p>\r\n\
         --=_inner_{number}--\r\n\
         --=_outer_{number}\r\nContent-Type: application/pdf; name=\"invoice {number}.pdf\"\r\n\
         Content-Disposition: attachment; filename=\"invoice {number}.pdf\"; size=13\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nSGVsbG8gd29ybGQh\r\n--=_outer_{number}--\r\n",
    );
    text.into_bytes()
}

/// A message of this many bytes, at least those of a short header, in lines of 78.
pub(crate) fn of_size(number: usize, size: usize) -> Vec<u8> {
    let mut message = format!("Subject: message {number}\r\n\r\n").into_bytes();
    let mut state = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut line = Vec::with_capacity(78);
    while message.len() < size - 3 {
        line.clear();
        while line.len() < 72 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            line.extend(state.to_le_bytes().map(|byte| b'A' + byte % 26));
        }
        line.extend_from_slice(b"abcd\r\n");
        message.extend_from_slice(&line);
    }
    // Dovecot drops a CR that is a message's last byte.
    message.truncate(size - 3);
    message.extend_from_slice(b".\r\n");
    message
}

/// How long this one of the bodies is: from 8 KB to 140 KB, 74 KB as a rule.
pub(crate) fn body_size(number: usize) -> usize {
    8_192 + number * 7_919 % 132_000
}

/// This one of the bodies.
pub(crate) fn body(number: usize) -> Vec<u8> {
    of_size(number, body_size(number))
}
