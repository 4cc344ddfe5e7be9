//! One direction of a link: bytes go in now and come out when the link has carried them.
//!
//! Nothing here sleeps for a chunk. Each segment remembers when its first byte left, from which follows when each
//! of its bytes arrives; a reader that wakes late finds all that has arrived meanwhile, so that timers that fire
//! late, as they do, never add up.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::Link;

/// Bytes that leave one after the other share a segment up to this size.
const SEGMENT: usize = 64 * 1024;
/// A long transfer wakes its reader this often, not for each byte.
const QUANTUM: Duration = Duration::from_millis(2);
/// What a sender may have under way besides what the link itself holds: a socket's send buffer.
const SEND_BUFFER: usize = 64 * 1024;
/// What may be under way on a link without a bandwidth limit.
const UNLIMITED: usize = 8 * 1024 * 1024;
/// What an undelayed link holds.
const DIRECT: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Lane {
    delay: Duration,
    rate: Option<NonZeroU64>,
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    segments: VecDeque<Segment>,
    queued: usize,
    /// When the sender's end of the link is free again.
    free_at: Instant,
    /// When the end of the stream reaches the reader.
    ends_at: Option<Instant>,
    /// When the sender learns that nobody reads any more.
    deaf_at: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug)]
struct Segment {
    departs: Instant,
    /// How many bytes of it are gone from `data` already.
    taken: u64,
    data: BytesMut,
}

impl Segment {
    /// All its bytes, those that are gone included.
    fn len(&self) -> u64 {
        self.taken + self.data.len() as u64
    }
}

/// What a reader may have now.
pub(super) enum Arrival {
    /// Bytes were copied.
    Bytes,
    /// The stream has ended.
    End,
    /// Nothing until then.
    At(Instant),
    /// Nothing until the writer writes.
    Nothing,
}

impl Lane {
    /// A lane whose sender can send nothing before `opens`.
    pub(super) fn new(link: Link, opens: Instant) -> Self {
        let rate = link.bandwidth();
        let capacity = match rate {
            Some(rate) => {
                let under_way = span_bytes(rate, link.latency() + Duration::from_millis(50));
                SEND_BUFFER.saturating_add(usize::try_from(under_way).unwrap_or(usize::MAX))
            }
            None if link.latency().is_zero() => DIRECT,
            None => UNLIMITED,
        };
        let state = State {
            segments: VecDeque::new(),
            queued: 0,
            free_at: opens,
            ends_at: None,
            deaf_at: None,
            reader: None,
            writer: None,
        };
        Self { delay: link.latency() / 2, rate, capacity, state: Mutex::new(state) }
    }

    /// Takes what there is room for, as one write.
    pub(super) fn poll_write(
        &self,
        cx: &Context<'_>,
        bufs: &mut dyn Iterator<Item = &[u8]>,
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.ends_at.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if let Some(deaf_at) = state.deaf_at {
            if now >= deaf_at {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            // The other end is gone, and the news is still under way: what is sent now is lost.
            return Poll::Ready(Ok(bufs.map(<[u8]>::len).sum()));
        }
        let room = self.capacity.saturating_sub(state.queued);
        if room == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut left = room;
        for buf in bufs {
            let part = &buf[..buf.len().min(left)];
            self.push(&mut state, now, part);
            left -= part.len();
            if left == 0 {
                break;
            }
        }
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(room - left))
    }

    /// Copies what has arrived into `buf`.
    pub(super) fn poll_read(&self, cx: &Context<'_>, buf: &mut tokio::io::ReadBuf<'_>) -> Arrival {
        let now = Instant::now();
        let mut state = self.lock();
        let before = buf.filled().len();
        while buf.remaining() > 0 {
            let Some(front) = state.segments.front_mut() else { break };
            let arrived = self.arrived(front, now).min(buf.remaining());
            if arrived == 0 {
                break;
            }
            buf.put_slice(&front.data[..arrived]);
            front.data.advance(arrived);
            front.taken += arrived as u64;
            let done = front.data.is_empty();
            state.queued -= arrived;
            if done {
                state.segments.pop_front();
            }
        }
        let copied = buf.filled().len() - before;
        if copied > 0 {
            // A writer that were woken for each byte that leaves would write bytes.
            if state.queued <= self.capacity - self.capacity / 4
                && let Some(writer) = state.writer.take()
            {
                writer.wake();
            }
            return Arrival::Bytes;
        }
        match (state.segments.front(), state.ends_at) {
            (Some(front), _) => Arrival::At(self.next_arrival(front)),
            (None, Some(ends_at)) if now >= ends_at => Arrival::End,
            (None, Some(ends_at)) => Arrival::At(ends_at),
            (None, None) => {
                // Only here: what is sent while others are under way arrives behind them, so that it need not wake
                // anyone, to find a few bytes before a quantum of them is there.
                state.reader = Some(cx.waker().clone());
                Arrival::Nothing
            }
        }
    }

    /// The sender has said all it will say.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        if state.ends_at.is_none() {
            let leaves = state.free_at.max(Instant::now());
            state.ends_at = Some(leaves + self.delay);
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }

    /// The reader is gone: what is under way is lost.
    pub(super) fn deafen(&self) {
        let mut state = self.lock();
        if state.deaf_at.is_none() {
            state.deaf_at = Some(Instant::now() + self.delay);
            state.segments.clear();
            state.queued = 0;
            if let Some(writer) = state.writer.take() {
                writer.wake();
            }
        }
    }

    fn push(&self, state: &mut State, now: Instant, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        state.queued += data.len();
        let departs = state.free_at.max(now);
        let contiguous = departs == state.free_at;
        match state.segments.back_mut() {
            Some(tail) if contiguous && tail.data.len() + data.len() <= SEGMENT => {
                tail.data.extend_from_slice(data);
            }
            _ => state.segments.push_back(Segment { departs, taken: 0, data: BytesMut::from(data) }),
        }
        if let (Some(rate), Some(tail)) = (self.rate, state.segments.back()) {
            state.free_at = tail.departs + span_time(rate, tail.len());
        } else {
            state.free_at = departs;
        }
    }

    /// How many of the segment's remaining bytes have arrived, in whole quanta until it is complete.
    fn arrived(&self, segment: &Segment, now: Instant) -> usize {
        let Some(since) = now.checked_duration_since(segment.departs + self.delay) else { return 0 };
        let Some(rate) = self.rate else { return segment.data.len() };
        let mut arrived = span_bytes(rate, since);
        if arrived < segment.len() {
            arrived -= arrived % quantum(rate);
        }
        usize::try_from(arrived.saturating_sub(segment.taken)).unwrap_or(usize::MAX).min(segment.data.len())
    }

    /// When the rest of the segment, or the next quantum of it, has arrived.
    fn next_arrival(&self, segment: &Segment) -> Instant {
        let first = segment.departs + self.delay;
        let Some(rate) = self.rate else { return first };
        let quantum = quantum(rate);
        let next = (segment.taken / quantum + 1) * quantum;
        first + span_time(rate, next.min(segment.len()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes come out in pieces of this size, since a reader that took each byte as it came would do nothing else.
fn quantum(rate: NonZeroU64) -> u64 {
    span_bytes(rate, QUANTUM).max(1)
}

/// How many whole bytes pass in a time.
fn span_bytes(rate: NonZeroU64, time: Duration) -> u64 {
    let bytes = time.as_nanos() * u128::from(rate.get()) / 1_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// How long that many bytes take, rounded up, so that after this time they have all passed.
fn span_time(rate: NonZeroU64, bytes: u64) -> Duration {
    let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate.get()));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
