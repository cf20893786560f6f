//! The bounded queue between those who write and the lanes that commit.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::error::StoreError;

/// A queue that refuses instead of growing, and that can be closed and drained.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), filled: Notify::new(), capacity }
    }

    /// Puts an item at the end, unless the queue is full or closed.
    pub(super) fn push(&self, item: T) -> Result<(), StoreError> {
        {
            let mut state = self.lock();
            if state.closed {
                return Err(StoreError::Closed);
            }
            if state.waiting.len() >= self.capacity {
                return Err(StoreError::Overloaded);
            }
            state.waiting.push_back(item);
        }
        self.filled.notify_one();
        Ok(())
    }

    /// Takes up to `most` items, waiting for the first. `None` once the queue is closed and empty.
    pub(super) async fn take(&self, most: usize) -> Option<Vec<T>> {
        loop {
            // Registered before looking, so that an item pushed in between is not slept through.
            let filled = self.filled.notified();
            {
                let mut state = self.lock();
                let many = state.waiting.len().min(most);
                if many > 0 {
                    let taken = state.waiting.drain(..many).collect();
                    if !state.waiting.is_empty() {
                        self.filled.notify_one();
                    }
                    return Some(taken);
                }
                if state.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Refuses further items. Those that wait are still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_waiters();
        // For a taker that is between looking and waiting.
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing panics while the lock is held, so what a poisoned lock guards is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let queue = Queue::new(2);
        assert!(queue.push(1).is_ok());
        assert!(queue.push(2).is_ok());
        assert!(matches!(queue.push(3), Err(StoreError::Overloaded)));
        assert_eq!(queue.take(8).await, Some(vec![1, 2]));
        assert!(queue.push(3).is_ok());
    }

    #[tokio::test]
    async fn a_closed_queue_hands_out_what_waits_and_then_ends() {
        let queue = Queue::new(8);
        queue.push(1).unwrap();
        queue.push(2).unwrap();
        queue.close();
        assert!(matches!(queue.push(3), Err(StoreError::Closed)));
        assert_eq!(queue.take(1).await, Some(vec![1]));
        assert_eq!(queue.take(1).await, Some(vec![2]));
        assert_eq!(queue.take(1).await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_item_is_taken_once_by_one_of_many_takers() {
        let queue = Arc::new(Queue::new(10_000));
        let takers: Vec<_> = (0..4)
            .map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move {
                    let mut all = Vec::new();
                    while let Some(taken) = queue.take(7).await {
                        all.extend(taken);
                    }
                    all
                })
            })
            .collect();
        for item in 0..5_000 {
            queue.push(item).unwrap();
            if item % 50 == 0 {
                tokio::task::yield_now().await;
            }
        }
        queue.close();
        let mut all = Vec::new();
        for taker in takers {
            all.extend(taker.await.unwrap());
        }
        all.sort_unstable();
        assert_eq!(all, (0..5_000).collect::<Vec<_>>());
    }
}
