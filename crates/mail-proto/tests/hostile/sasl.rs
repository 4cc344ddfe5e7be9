//! What the other side of a login may send.
#![cfg(feature = "sasl")]

use mail_proto::{
    Secret,
    sasl::{Client, Credentials, Mechanism, Nonce, Options, Server, ServerOptions, Step, decode},
};

use crate::measure::{Input, all_are_linear};

const CHALLENGES: &[Input] = &[
    Input("", "A", ""),
    Input("", ",", ""),
    Input("", "=", ""),
    Input("r=abc", "x", ",s=QSXC,i=1"),
    Input("r=abcx,s=", "QSXC", ",i=1"),
    Input("r=abcx,s=QSXC,i=", "1", ""),
    Input("r=abcx,s=QSXC,i=1,", "x=y,", ""),
    Input("v=", "AAAA", ""),
    Input("e=", "x", ""),
    Input("<", "1", "@h>"),
    Input("{", "{", ""),
    Input("{\"status\":\"", "\\\\", "\"}"),
    Input("{\"status\":\"", "\\u0041", "\"}"),
    Input("{", "\"a\":\"b\",", "}"),
    Input("{", "\"a\":", "}"),
    Input("{\"a\":", " ", "1}"),
    Input("", "\u{e9}", ""),
];

fn options() -> Options {
    let mut options = Options::default();
    options.nonce = Nonce::from_text("abc").ok();
    options
}

/// As the first challenge and as the second.
#[test]
fn challenges_are_read_in_linear_time() {
    all_are_linear(CHALLENGES, |input| {
        let _ = decode(input);
        for mechanism in Mechanism::ALL {
            for (password, first) in [("secret", None), ("secret", Some("r=abcx,s=QSXC,i=1"))] {
                let credentials = match mechanism {
                    Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credentials::token("kim", password),
                    _ => Credentials::password("kim", password),
                };
                let Ok(mut client) = Client::new(*mechanism, &credentials, &options()) else { continue };
                let _ = client.initial();
                for challenge in first.map(str::as_bytes).into_iter().chain([input]) {
                    if let Ok(Step::Derive(derivation)) = client.challenge(challenge)
                        && derivation.iterations() < 10
                    {
                        let _ = client.derived(&derivation.run());
                    }
                }
                assert!(
                    client.succeeded().is_err()
                        || client.mechanism().sends_password()
                        || *mechanism == Mechanism::CramMd5
                );
            }
        }
    });
}

const RESPONSES: &[Input] = &[
    Input("", "\0", ""),
    Input("", "a", ""),
    Input("\0kim\0", "a", ""),
    Input("n,,n=", "a", ",r=x"),
    Input("n,,n=", "=2C", ",r=x"),
    Input("n,,n=", "=", ",r=x"),
    Input("n,a=", "=3D", ",n=kim,r=x"),
    Input("n,,n=kim,r=", "a", ""),
    Input("n,,n=kim,r=x", ",a=b", ""),
    Input("c=", "biws", ",r=xxyz,p=AAAA"),
    Input("c=biws,r=xxyz", ",p=", "AAAA"),
    Input("c=biws,r=xxyz,p=", "AAAA", ""),
    Input("kim ", "a", ""),
    Input("", "kim ", ""),
    Input("user=", "\u{1}", ""),
    Input("n,a=kim,\u{1}", "a=b\u{1}", "\u{1}"),
    Input("n,a=kim,\u{1}auth=Bearer ", "a", "\u{1}\u{1}"),
];

#[test]
fn responses_are_read_in_linear_time() {
    all_are_linear(RESPONSES, |input| {
        let mut options = ServerOptions::default();
        options.nonce = Nonce::from_text("xyz").ok();
        options.challenge = Some("<1@h>".to_owned());
        options.iterations = 1;
        for mechanism in Mechanism::ALL {
            for first in [None, Some("n,,n=kim,r=x")] {
                let Ok(mut server) = Server::new(*mechanism, &options) else { continue };
                for response in first.map(str::as_bytes).into_iter().chain([input]) {
                    let _ = server.response(response, |_| Some(Secret::from("secret")));
                }
            }
        }
    });
}
