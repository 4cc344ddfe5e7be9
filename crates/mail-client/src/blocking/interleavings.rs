//! The driver's seat in all the orders that a model checker comes up with: a wake-up that is lost shows as a deadlock.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;
use shuttle::{
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use seat::{Keeper, Seat, Signal};

#[expect(clippy::duplicate_mod, reason = "it is built on the locks and threads of the checker here")]
#[path = "seat.rs"]
mod seat;

mod sync {
    use std::time::Duration;

    pub(super) use shuttle::{
        sync::{Mutex, MutexGuard, atomic::AtomicU8},
        thread::{Thread, current, park},
    };

    /// There is no time: any may have passed.
    pub(super) fn park_timeout(_: Duration) {
        shuttle::thread::yield_now();
    }
}

/// A runtime in small, and who drives it.
struct Toy {
    seat: Seat,
    is_driven: AtomicBool,
    is_over: AtomicBool,
    todo: Arc<Todo>,
}

/// Threads to be told that what they wait for is there.
#[derive(Default)]
struct Todo {
    tasks: Mutex<(VecDeque<Waker>, IsWoken)>,
    more: Condvar,
}

type IsWoken = bool;

impl Wake for Todo {
    fn wake(self: Arc<Self>) {
        self.tasks.lock().unwrap().1 = true;
        self.more.notify_one();
    }
}

impl Todo {
    fn push(&self, task: Waker) {
        self.tasks.lock().unwrap().0.push_back(task);
        self.more.notify_one();
    }
}

impl Toy {
    /// Does what is to be done until the future is done with or all is over, and sleeps if there is nothing.
    fn drive(&self, until: impl Future) {
        assert!(!self.is_driven.swap(true, Ordering::SeqCst), "two drive at a time");
        let waker = Waker::from(Arc::clone(&self.todo));
        let mut until = pin!(until);
        while !self.is_over.load(Ordering::SeqCst)
            && until.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
        {
            let mut tasks = self.todo.tasks.lock().unwrap();
            while tasks.0.is_empty() && !tasks.1 {
                tasks = self.todo.more.wait(tasks).unwrap();
            }
            tasks.1 = false;
            let task = tasks.0.pop_front();
            drop(tasks);
            task.into_iter().for_each(Waker::wake);
        }
        self.is_driven.store(false, Ordering::SeqCst);
    }

    /// Waits on this thread.
    fn wait_for(&self, answer: &Answer, may_drive: bool) {
        if may_drive && let Some(_seated) = self.seat.sit() {
            return self.drive(answer.given());
        }
        let signal = Arc::new(Signal::here());
        self.seat.wait(&signal, pin!(answer.given()), may_drive, |answer| self.drive(answer));
    }

    /// A call, which is answered when the toy is driven.
    fn call(&self, may_drive: bool) {
        let answer = Arc::new(Answer::default());
        self.todo.push(Arc::clone(&answer).into());
        self.wait_for(&answer, may_drive);
        assert!(answer.is_there.load(Ordering::SeqCst));
    }
}

/// What a thread waits for.
#[derive(Default)]
struct Answer {
    is_there: AtomicBool,
    waiting: AtomicWaker,
}

impl Answer {
    async fn given(&self) {
        poll_fn(|cx| {
            self.waiting.register(cx.waker());
            if self.is_there.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Wake for Answer {
    fn wake(self: Arc<Self>) {
        self.is_there.store(true, Ordering::SeqCst);
        self.waiting.wake();
    }
}

/// Runs threads beside the keeper, in many orders. Each ends, or else the checker finds that it doesn't.
fn check(threads: &'static [fn(&Toy)]) {
    let case = move || {
        let toy = Arc::new(Toy {
            seat: Seat::new(),
            is_driven: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            todo: Arc::default(),
        });
        let kept = Arc::clone(&toy);
        let keeper = thread::spawn(move || {
            let mut keeper = Keeper::new(&kept.seat);
            while !kept.is_over.load(Ordering::SeqCst) {
                keeper.look(|signal| kept.drive(signal.rung()));
            }
        });
        let start = |run: fn(&Toy)| {
            let toy = Arc::clone(&toy);
            thread::spawn(move || run(&toy))
        };
        let threads: Vec<_> = threads.iter().map(|run| start(*run)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        toy.is_over.store(true, Ordering::SeqCst);
        toy.todo.push(Waker::noop().clone());
        keeper.join().unwrap();
    };
    shuttle::check_random(case, 400);
    shuttle::check_pct(case, 400, 3);
}

fn one_after_the_other(toy: &Toy) {
    toy.call(true);
    toy.call(true);
}

fn as_a_passenger(toy: &Toy) {
    toy.call(false);
}

/// Answered by another thread, which drives nothing.
fn from_elsewhere(toy: &Toy) {
    let answer = Arc::new(Answer::default());
    let answered = Arc::clone(&answer);
    let other = thread::spawn(move || Waker::from(answered).wake());
    toy.wait_for(&answer, true);
    other.join().unwrap();
}

#[test]
fn threads_drive_in_turn() {
    check(&[one_after_the_other, one_after_the_other]);
    check(&[one_after_the_other, one_after_the_other, one_after_the_other]);
}

#[test]
fn the_keeper_drives_for_those_who_cannot() {
    check(&[as_a_passenger]);
    check(&[as_a_passenger, one_after_the_other, as_a_passenger]);
}

#[test]
fn a_thread_is_told_from_elsewhere_while_it_drives_or_stands_in_line() {
    check(&[from_elsewhere, one_after_the_other]);
    check(&[from_elsewhere, as_a_passenger, from_elsewhere]);
}
