//! How much memory a thread has at its peak.
#![allow(unsafe_code, reason = "an allocator can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    /// What the thread has now, and has had at most. What it frees for another makes it less.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn add(bytes: isize) {
    // A thread that is at its end counts no more.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = now + bytes;
        held.set((now, most.max(now)));
    });
}

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY: the caller's promises are the system allocator's demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes more this thread has at the peak of some work than at its beginning. The work has to keep to the
/// thread, as all does on a runtime of one thread.
pub(crate) async fn peak_of<T>(work: impl Future<Output = T>) -> (T, usize) {
    let before = HELD.with(|held| {
        let (now, _) = held.get();
        held.set((now, now));
        now
    });
    let outcome = work.await;
    let most = HELD.with(Cell::get).1;
    (outcome, (most - before).unsigned_abs())
}

#[tokio::test]
async fn a_peak_is_seen() {
    let ((), peak) = peak_of(async { drop(vec![0_u8; 5 << 20]) }).await;
    assert!((5 << 20..6 << 20).contains(&peak), "{peak}");
}
