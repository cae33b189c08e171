//! The messages that wait for one peer. It never blocks the one who puts them in: beyond its bounds
//! the oldest are dropped, which the protocol takes for a lossy network.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

const FRAMES_MAX: usize = 1024;
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// So much is handed to the socket at once.
const BATCH_BYTES: usize = 64 * 1024;

/// A bounded queue of encoded frames.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

/// Several frames on their way to the socket.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: u64,
}

impl Outbox {
    /// Adds a frame and drops the oldest ones if that is too much. Returns how many were dropped.
    pub(crate) fn push(&self, frame: Vec<u8>) -> usize {
        let dropped = self.lock().push(frame);
        self.filled.notify_one();
        dropped
    }

    /// Waits for frames. There may be only one who waits. Dropping the future loses none.
    pub(crate) async fn take(&self) -> Batch {
        loop {
            let batch = self.lock().take();
            if batch.frames > 0 {
                return batch;
            }
            self.filled.notified().await;
        }
    }

    /// The queue stays whole at every step, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, frame: Vec<u8>) -> usize {
        self.bytes += frame.len();
        self.frames.push_back(frame);
        let before = self.frames.len();
        while self.frames.len() > 1 && (self.frames.len() > FRAMES_MAX || self.bytes > BYTES_MAX) {
            self.pop();
        }
        before - self.frames.len()
    }

    fn take(&mut self) -> Batch {
        let mut batch = Batch::default();
        while batch.bytes.len() < BATCH_BYTES
            && let Some(frame) = self.pop()
        {
            batch.bytes.extend_from_slice(&frame);
            batch.frames += 1;
        }
        batch
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_leave_in_the_order_in_which_they_came() {
        let outbox = Outbox::default();
        outbox.push(vec![1, 2]);
        outbox.push(vec![3]);
        assert_eq!(
            outbox.take().await,
            Batch {
                bytes: vec![1, 2, 3],
                frames: 2
            }
        );
    }

    #[tokio::test]
    async fn the_oldest_frames_are_dropped_when_there_are_too_many() {
        let outbox = Outbox::default();
        let frames = [0, 1, 2]
            .into_iter()
            .chain(std::iter::repeat_n(3, FRAMES_MAX));
        let dropped: usize = frames.map(|byte| outbox.push(vec![byte])).sum();
        assert_eq!(dropped, 3);
        assert_eq!(outbox.take().await.bytes[0], 3);
    }

    #[tokio::test]
    async fn the_newest_frame_is_kept_however_large() {
        let outbox = Outbox::default();
        outbox.push(vec![0; 10]);
        assert_eq!(outbox.push(vec![0; BYTES_MAX + 1]), 1);
        assert_eq!(outbox.take().await.bytes.len(), BYTES_MAX + 1);
    }
}
