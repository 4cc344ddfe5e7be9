//! Texts that end a line, a string or a literal where they aren't expected to.

/// All that are UTF-8.
pub(crate) fn all() -> Vec<String> {
    let mut texts: Vec<String> = [
        "plain",
        "two words",
        "",
        " ",
        "\r",
        "\n",
        "a\r\nA9 DELETE INBOX",
        "a\nA9 DELETE INBOX",
        "\0",
        "nul\0inside",
        "\"",
        "say \"hi\"",
        "\\",
        "back\\slash\\",
        "\\\"",
        "{5}",
        "{5+}",
        "~{5}",
        "ends in {5}",
        "{5}\r\nhello",
        "{5+}\r\nhello",
        "(",
        ")",
        "a) (b",
        "%",
        "*",
        "]",
        "[TRYCREATE]",
        "NIL",
        "nil",
        "&",
        "&-",
        "~peter/mail",
        "Été",
        "日本語",
        "\u{7f}",
        "\t",
        "\u{1b}[2J",
        "\u{feff}",
    ]
    .map(str::to_owned)
    .into();
    texts.push("x".repeat(100_000));
    texts.push("é\"\\".repeat(25_000));
    texts
}

/// Octets that are no text at all.
pub(crate) fn octets() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = all().into_iter().map(String::into_bytes).collect();
    all.extend([b"\xff\xfe".to_vec(), b"caf\xe9".to_vec(), (1..=255).collect(), (0..=255).collect()]);
    all
}
