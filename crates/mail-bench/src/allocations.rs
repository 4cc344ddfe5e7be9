//! Counting allocations, of the whole program, and what they hold.
#![allow(unsafe_code, reason = "an allocator can't be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Counting costs more than some of what is measured, so that it is on only where nothing is timed.
static IS_ON: AtomicBool = AtomicBool::new(false);

fn tick() {
    if IS_ON.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

static HEAP: AtomicI64 = AtomicI64::new(0);

static IS_WEIGHED: AtomicBool = AtomicBool::new(false);

fn grow(by: usize) {
    if IS_WEIGHED.load(Ordering::Relaxed) {
        HEAP.fetch_add(by as i64, Ordering::Relaxed);
    }
}

fn shrink(by: usize) {
    if IS_WEIGHED.load(Ordering::Relaxed) {
        HEAP.fetch_sub(by as i64, Ordering::Relaxed);
    }
}

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        tick();
        grow(layout.size());
        // SAFETY: the caller's promises are the system allocator's demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        tick();
        shrink(layout.size());
        grow(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations, growing ones included, `work` makes.
pub(crate) fn count(work: impl FnOnce()) -> u64 {
    let before = COUNT.load(Ordering::Relaxed);
    IS_ON.store(true, Ordering::Relaxed);
    work();
    IS_ON.store(false, Ordering::Relaxed);
    COUNT.load(Ordering::Relaxed) - before
}

/// From here on it is known how much the heap grows.
pub(crate) fn weigh() {
    IS_WEIGHED.store(true, Ordering::Relaxed);
}

/// By how many bytes the heap has grown since.
pub(crate) fn heap() -> i64 {
    HEAP.load(Ordering::Relaxed)
}
