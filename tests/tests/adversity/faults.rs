//! Faults at every point: connections that end, are reset or become silent after any byte, and servers that answer
//! anything else.

use mail_testkit::Action;

use system_tests::counted::counted;

use super::{
    points::{Extent, points},
    stage::{Client, Plan, Ran, Session, Way, play},
    wire::{Breach, Point},
};

/// Where the points that are tried come from, where not all are.
pub(crate) const SEED: u64 = 0x0fad_7e51;

/// So many failures are shown.
const SHOWN: usize = 8;

/// Breaks a session's connections after every byte of it.
pub(crate) fn breaks<C: Client>(session: &Session<C>, breach: Breach) {
    // Where a connection that ends is understood, one that is reset mostly is too.
    let one_of = if breach == Breach::Reset { 4 } else { 1 };
    let tried = points_of(session, Way::Memory, one_of).into_iter().map(|point| Plan::Break(point, breach));
    let what = match breach {
        Breach::Stall => "points stalled",
        Breach::Reset => "points reset",
        _ => "points cut",
    };
    try_all(session, Way::Memory, what, tried);
}

/// So many points of all sessions together are tried over TCP and TLS.
const OVER_TLS: usize = 200;

/// Breaks connections that run over TCP and TLS, at some points of all that is said.
pub(crate) fn breaks_over_tls<C: Client>(session: &Session<C>, sessions: usize) {
    let all = points_of(session, Way::Tls, 1);
    let wanted = if Extent::wanted(1) == Extent::Full { OVER_TLS } else { OVER_TLS.div_ceil(sessions) };
    // From the first to the last, in equal steps.
    let tried = (0..wanted).map(|nth| {
        let breach = if nth % 2 == 0 { Breach::End } else { Breach::Reset };
        Plan::Break(all[nth * (all.len() - 1) / wanted.max(2).saturating_sub(1)], breach)
    });
    try_all(session, Way::Tls, "points cut over TLS", tried);
}

/// The points of a session, as it goes undisturbed: all, or in the usual size one of so many.
pub(crate) fn points_of<C: Client>(session: &Session<C>, way: Way, one_of: u64) -> Vec<Point> {
    let ran = undisturbed(session, way);
    points(&ran.traffic, Extent::wanted(one_of * session.one_of), SEED)
}

/// A session undisturbed, which has to go well.
fn undisturbed<C: Client>(session: &Session<C>, way: Way) -> Ran {
    let ran = play(session, way, &Plan::Nothing);
    assert!(
        ran.mistakes.is_empty() && matches!(ran.outcome, Some(Ok(()))),
        "{} doesn't go well undisturbed: {:?} {:?}",
        session.name,
        ran.outcome,
        ran.mistakes
    );
    ran
}

/// Has the server answer each command of a session with all else that comes to mind.
pub(crate) fn answers<C: Client>(session: &Session<C>) {
    let commands = undisturbed(session, Way::Memory).commands;
    let inject = |bytes: &'static [u8]| Action::Inject(bytes.into());
    let actions = [
        Action::No("no".into()),
        Action::No("[LIMIT] too many connections".into()),
        Action::No("[UNAVAILABLE] later".into()),
        Action::No("[OVERQUOTA] full".into()),
        Action::Bad("bad".into()),
        Action::Bad("Request is throttled. Suggested Backoff Time: 3000 milliseconds".into()),
        Action::Bye("[UNAVAILABLE] going down".into()),
        Action::Bye("too many connections".into()),
        Action::Cut,
        Action::Stall,
        inject(b"* )(\r\n"),
        inject(b"* 7 FETCH (((((\r\n"),
        inject(b"* 1 FETCH (UID nonsense FLAGS\r\n"),
        inject(b"\x00\xff\xfe\r\n\r\n"),
        inject(b"* LIST (\\Noselect) {4294967295}\r\n"),
        inject(b"+ go on\r\n"),
        inject(b"A999 OK nobody asked\r\n"),
        inject(b"* BYE\r\n"),
        inject(b"* SEARCH {100000}\r\n"),
        inject(b"-ERR what?\r\n"),
        inject(b"500 what?\r\n"),
    ];
    let is_an_answer = |action: &Action| match (action, C::ANSWER) {
        (Action::Inject(bytes), Some(answer)) => bytes.starts_with(answer),
        _ => false,
    };
    let actions: Vec<_> = actions.into_iter().filter(|action| !is_an_answer(action)).collect();
    let tried = (1..=commands).flat_map(|nth| {
        actions.iter().map(move |action| Plan::Instead(nth, action.clone())).collect::<Vec<_>>()
    });
    try_all(session, Way::Memory, "answers replaced", tried);
}

/// Plays a session with each plan; all that is wrong is told at the end.
pub(crate) fn try_all<C: Client>(
    session: &Session<C>,
    way: Way,
    what: &str,
    plans: impl Iterator<Item = Plan>,
) {
    let only = std::env::var("ADVERSITY_ONLY").ok();
    let (mut tried, mut struck, mut well, mut wrong) = (0, 0, 0, Vec::new());
    let begun = std::time::Instant::now();
    for plan in plans {
        if only.as_ref().is_some_and(|only| !plan.to_string().contains(only)) {
            continue;
        }
        let ran = play(session, way, &plan);
        tried += 1;
        struck += u64::from(ran.struck);
        well += u64::from(matches!(ran.outcome, Some(Ok(()))));
        if !ran.mistakes.is_empty() {
            wrong.push(format!("{plan} ({:?})\n    {}", ran.outcome, ran.mistakes.join("\n    ")));
        }
    }
    println!(
        "{}: {what} {tried}, struck {struck}, went well {well}, took {:.1?}",
        session.name,
        begun.elapsed()
    );
    counted(what, tried);
    assert!(
        wrong.is_empty(),
        "{}: {} of {tried} are wrong:\n{}",
        session.name,
        wrong.len(),
        wrong.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n")
    );
}
