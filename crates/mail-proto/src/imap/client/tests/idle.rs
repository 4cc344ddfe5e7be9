//! IDLE.

use super::*;

#[test]
fn a_command_ends_idle_once_the_server_has_begun_it() {
    let mut dialogue = Dialogue::ready();
    let idle = dialogue.session.submit(Request::new(Command::Idle));
    assert_eq!(dialogue.written(), "A1 IDLE\r\n");
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "", "not before the server agrees");
    dialogue.server("+ idling\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Idling { id }] if id == idle));
    assert_eq!(dialogue.written(), "DONE\r\n");
    dialogue.server("* 4 EXISTS\r\nA1 OK done\r\n");
    assert!(matches!(
        dialogue.events()[..],
        [Event::Data { id: None, .. }, Event::Completed { id, outcome: Ok(_) }] if id == idle
    ));
    assert_eq!(dialogue.written(), "A2 NOOP\r\n");
    dialogue.server("A2 OK done\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, .. }] if id == noop));
}

#[test]
fn no_reply_is_due_while_idle_runs() {
    let mut dialogue = Dialogue::ready();
    dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    assert!(dialogue.session.deadline().is_some());
    dialogue.server("+ idling\r\n");
    dialogue.events();
    assert_eq!(dialogue.session.deadline(), None);
    dialogue.now += Duration::from_secs(1000);
    dialogue.session.end_idle();
    assert_eq!(dialogue.session.deadline(), None, "DONE isn't written yet");
    assert_eq!(dialogue.written(), "DONE\r\n");
    assert_eq!(dialogue.session.deadline(), Some(dialogue.now + Duration::from_secs(60)));
}

#[test]
fn idle_may_end_of_its_own_accord() {
    let mut dialogue = Dialogue::ready();
    let refused = dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    dialogue.server("A1 NO not here\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Err(_) }] if id == refused));
    let ended = dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    dialogue.server("+ idling\r\n");
    dialogue.events();
    dialogue.session.cancel(ended);
    dialogue.server("A2 OK enough\r\n");
    assert!(matches!(dialogue.events()[..], [Event::Completed { id, outcome: Ok(_) }] if id == ended));
    dialogue.session.submit(Request::new(Command::Noop));
    assert_eq!(dialogue.written(), "A3 NOOP\r\n", "DONE would be a command of its own now");
}

#[test]
fn idle_ends_with_its_own_command_and_no_others() {
    let mut dialogue = Dialogue::ready();
    let noop = dialogue.session.submit(Request::new(Command::Noop));
    dialogue.written();
    dialogue.server("A1 OK done\r\n");
    dialogue.events();
    let idle = dialogue.session.submit(Request::new(Command::Idle));
    dialogue.written();
    dialogue.server("+ idling\r\n");
    dialogue.events();
    dialogue.session.cancel(noop);
    assert_eq!(dialogue.written(), "");
    dialogue.session.cancel(idle);
    assert_eq!(dialogue.written(), "DONE\r\n");
}
