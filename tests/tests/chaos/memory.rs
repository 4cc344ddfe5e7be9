//! How much memory the client holds, in a program that is the server too.
#![allow(unsafe_code, reason = "an allocator can't be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ptr,
    sync::atomic::{AtomicIsize, Ordering},
};

struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static IS_SERVER: Cell<bool> = const { Cell::new(false) };
}

/// What this thread takes from now on is the server's, whoever gives it back.
pub(crate) fn belongs_to_the_server() {
    IS_SERVER.set(true);
}

/// How many bytes are held that aren't the server's.
pub(crate) fn held() -> isize {
    HELD.load(Ordering::Relaxed)
}

/// The layout with room in front for a byte that says whose it is, and how much room that is.
fn with_owner(layout: Layout) -> Option<(Layout, usize)> {
    let room = layout.align();
    let whole = layout.size().checked_add(room)?;
    Some((Layout::from_size_align(whole, layout.align()).ok()?, room))
}

fn count(is_server: bool, bytes: isize) {
    if !is_server {
        HELD.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: everything is the system allocator's, with at least one byte more in front, which is written when it is
// handed out and read before it is given back. The room in front is a multiple of the alignment.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((whole, room)) = with_owner(layout) else { return ptr::null_mut() };
        // A thread that is at its end has forgotten whose it is; what it takes then it gives back at once.
        let is_server = IS_SERVER.try_with(Cell::get).unwrap_or(false);
        // SAFETY: `whole` has a size, since `room` isn't zero, and what is handed out lies within it.
        unsafe {
            let start = System.alloc(whole);
            if start.is_null() {
                return start;
            }
            start.write(u8::from(is_server));
            count(is_server, layout.size() as isize);
            start.add(room)
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some((whole, room)) = with_owner(layout) else { return };
        // SAFETY: the pointer is one of ours, so that it lies so far behind the start of what the system gave.
        unsafe {
            let start = pointer.sub(room);
            count(start.read() != 0, -(layout.size() as isize));
            System.dealloc(start, whole);
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some((whole, room)) = with_owner(layout) else { return ptr::null_mut() };
        let Some(new_size) = size.checked_add(room) else { return ptr::null_mut() };
        // SAFETY: as above, and the byte in front is moved with what lies behind it.
        unsafe {
            let start = System.realloc(pointer.sub(room), whole, new_size);
            if start.is_null() {
                return start;
            }
            count(start.read() != 0, size as isize - layout.size() as isize);
            start.add(room)
        }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Sees that the server's memory doesn't count and all other does.
pub(crate) fn check() {
    const MUCH: usize = 64 << 20;
    let half = (MUCH / 2) as isize;
    let before = held();
    let servers = std::thread::spawn(|| {
        belongs_to_the_server();
        Vec::<u8>::with_capacity(MUCH)
    });
    let servers = servers.join().expect("it only allocates");
    assert!(held() - before < half);
    let own = Vec::<u8>::with_capacity(MUCH);
    assert!(held() - before > half);
    drop(servers);
    assert!(held() - before > half);
    drop(own);
    assert!((held() - before).abs() < half);
}
