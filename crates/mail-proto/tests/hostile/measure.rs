//! How the time that a reading takes grows with the length of what is read.

use std::{hint::black_box, thread, time::Duration};

/// The stack that everything has to do with, in bytes.
const STACK: usize = 512 << 10;

/// What is timed, in bytes: this, and four times as much.
const SHORT: usize = 256 << 10;

/// What takes longer than this is timed at a quarter or a sixteenth of the length.
const SLOW: Duration = Duration::from_millis(5);

/// Bytes that come at once: few, so that what looks at all that is buffered each time is found out.
pub(crate) const PIECE: usize = 500;

/// How much longer four times the length may take. Linear work takes about 4 times as long, quadratic work 16 times.
const MOST: u32 = 9;

/// What the longer input may take besides, for a byte: memory for it is new to the process each time, and has to be got
/// page by page. Quadratic work on a megabyte takes many times as long, even if each step is as short as can be.
const NOISE: Duration = Duration::from_nanos(100);

/// How often the times are taken before the best of them count.
const ATTEMPTS: usize = 20;

/// An input of about this many bytes: a beginning, a piece that is repeated, and an end.
#[derive(Clone, Copy)]
pub(crate) struct Input(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

impl Input {
    pub(crate) fn of(self, len: usize) -> Vec<u8> {
        let Self(head, piece, tail) = self;
        [head, &piece.repeat(len / piece.len()), tail].concat().into_bytes()
    }
}

/// Reads each input at several lengths.
pub(crate) fn all_are_linear(inputs: &[Input], read: fn(&[u8])) {
    let inputs = inputs.to_vec();
    on_a_small_stack(move || {
        for input in inputs {
            let Input(head, piece, tail) = input;
            let name = format!("{head:?} {piece:?} {tail:?}");
            is_linear(&name, |len| input.of(len), read, ATTEMPTS);
        }
    });
}

fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK).spawn(run).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// How long this thread has been at work, whatever else the machine does meanwhile.
#[cfg(unix)]
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// The time that has passed.
#[cfg(not(unix))]
fn busy() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

fn is_linear(name: &str, input: impl Fn(usize) -> Vec<u8>, read: fn(&[u8]), attempts: usize) {
    let time = |input: &[u8]| {
        let start = busy();
        read(black_box(input));
        busy() - start
    };
    let mut len = SHORT / 16;
    while len < SHORT && time(&input(len)) < SLOW {
        len *= 4;
    }
    let (short, long) = (input(len), input(4 * len));
    let (mut of_short, mut of_long) = (Duration::MAX, Duration::MAX);
    for _ in 0..attempts {
        of_short = of_short.min(time(&short));
        of_long = of_long.min(time(&long));
        if of_long <= of_short * MOST + NOISE * long.len() as u32 {
            return;
        }
    }
    panic!("{name}: {of_short:?} for {len} bytes, {of_long:?} for four times as many");
}

#[test]
fn quadratic_work_is_noticed() {
    fn quadratic(input: &[u8]) {
        for at in (0..input.len()).step_by(8 << 10) {
            black_box(input[at..].iter().filter(|byte| **byte == b'x').count());
        }
    }
    let found = std::panic::catch_unwind(|| is_linear("quadratic", |len| vec![b'a'; len], quadratic, 3));
    assert!(found.is_err());
}
