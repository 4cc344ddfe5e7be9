//! No secret is ever printed: by `Debug` or `Display` of any public type, by what is traced, or by the program.
//!
//! Which types there are is read from the sources, and which test programs. A new type, program or password that isn't
//! covered fails here.

system_tests::watch_for_secrets!();

mod of_client;
mod of_pool;
mod of_proto;
mod of_testkit;
mod printed;
mod programs;
mod types;
mod words;

use system_tests::counted::counted;

use crate::printed::Printed;
use crate::types::Holds;

#[test]
fn no_public_type_prints_a_secret() {
    let mut printed = Printed::default();
    of_proto::print(&mut printed);
    of_pool::print(&mut printed);
    of_testkit::print(&mut printed);
    of_client::print(&mut printed);

    let (mut missing, mut without_display, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    let public = types::public();
    assert!(public.len() > 300, "{}", public.len());
    for of in public.iter().filter(|of| of.debugs) {
        let known = |path: &str| match of.by_macro {
            true => path.rsplit("::").next() == of.path.rsplit("::").next(),
            false => path == of.path,
        };
        let is_printed = printed.types().any(known);
        let is_listed = words::ONLY_WORDS.contains(&short(&of.path).as_str());
        match of.holds {
            Holds::Nothing if is_listed => idle.push(&of.path),
            Holds::Nothing => {}
            Holds::Text if is_printed && is_listed => idle.push(&of.path),
            Holds::Text if is_printed || is_listed => {}
            Holds::Text | Holds::Secret if is_printed => {}
            Holds::Text | Holds::Secret => missing.push(&of.path),
        }
        if is_printed && of.displays && !of.by_macro && !printed.displayed().any(known) {
            without_display.push(&of.path);
        }
    }
    let is_gone = |path: &&&str| !public.iter().any(|of| of.debugs && short(&of.path) == **path);
    let gone: Vec<_> = words::ONLY_WORDS.iter().filter(is_gone).collect();
    assert!(gone.is_empty(), "these aren't there any more: {gone:#?}");
    assert!(missing.is_empty(), "these may hold a secret, and none with one in it is printed: {missing:#?}");
    assert!(without_display.is_empty(), "of these `Display` isn't printed: {without_display:#?}");
    assert!(idle.is_empty(), "these have no business in the list of types with words alone: {idle:#?}");
    counted("public types that hold no secret", public.len() as u64);
    counted("values with secrets printed", printed.values());
}

/// A type's name with its crate and protocol, but not the files in between.
fn short(path: &str) -> String {
    let mut parts = path.split("::");
    let place: Vec<&str> = parts.by_ref().take(2).collect();
    format!("{}::{}", place.join("::"), parts.last().unwrap_or_default())
}
