//! The bounded queue between those who write and the lanes that commit.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::error::StoreError;

/// A queue that refuses instead of growing, and that can be closed and drained.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Notify,
    /// Wakes those who step in, whenever the queue ceases to be empty.
    begun: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    /// How often items have been taken.
    taken: u64,
    closed: bool,
}

impl<T> State<T> {
    fn take(&mut self, most: usize) -> Vec<T> {
        self.taken += 1;
        let many = self.waiting.len().min(most);
        self.waiting.drain(..many).collect()
    }
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), taken: 0, closed: false };
        Self { state: Mutex::new(state), filled: Notify::new(), begun: Notify::new(), capacity }
    }

    /// Puts an item at the end, unless the queue is full or closed.
    pub(super) fn push(&self, item: T) -> Result<(), StoreError> {
        let first = {
            let mut state = self.lock();
            if state.closed {
                return Err(StoreError::Closed);
            }
            if state.waiting.len() >= self.capacity {
                return Err(StoreError::Overloaded);
            }
            state.waiting.push_back(item);
            state.waiting.len() == 1
        };
        self.filled.notify_one();
        if first {
            self.begun.notify_waiters();
        }
        Ok(())
    }

    /// Takes up to `most` items, waiting for the first. `None` once the queue is closed and empty.
    pub(super) async fn take(&self, most: usize) -> Option<Vec<T>> {
        loop {
            // Registered before looking, so that an item pushed in between is not slept through.
            let filled = self.filled.notified();
            {
                let mut state = self.lock();
                if !state.waiting.is_empty() {
                    let taken = state.take(most);
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

    /// As [`Self::take`], but steps in only when nobody has taken anything for a while although items wait.
    pub(super) async fn take_left_waiting(&self, most: usize, for_a_while: Duration) -> Option<Vec<T>> {
        loop {
            let begun = self.begun.notified();
            let before = {
                let state = self.lock();
                if state.closed && state.waiting.is_empty() {
                    return None;
                }
                (!state.waiting.is_empty()).then_some(state.taken)
            };
            let Some(before) = before else {
                begun.await;
                continue;
            };
            tokio::time::sleep(for_a_while).await;
            let mut state = self.lock();
            if state.taken == before && !state.waiting.is_empty() {
                return Some(state.take(most));
            }
        }
    }

    /// Refuses further items. Those that wait are still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_waiters();
        self.begun.notify_waiters();
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

    #[tokio::test]
    async fn a_spare_taker_steps_in_when_nobody_else_takes() {
        let queue = Arc::new(Queue::new(8));
        let spare = {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let while_ = Duration::from_millis(10);
                (queue.take_left_waiting(8, while_).await, queue.take_left_waiting(8, while_).await)
            })
        };
        for item in 0..10 {
            tokio::time::sleep(Duration::from_millis(6)).await;
            queue.push(item).unwrap();
            assert_eq!(
                queue.take(8).await,
                Some(vec![item]),
                "the spare one stepped in although items were taken"
            );
        }
        queue.push(10).unwrap();
        queue.push(11).unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        queue.close();
        assert_eq!(spare.await.unwrap(), (Some(vec![10, 11]), None));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_item_is_taken_once_by_one_of_many_takers() {
        let queue = Arc::new(Queue::new(10_000));
        let takers: Vec<_> = (0..4)
            .map(|number| {
                let (queue, spare) = (Arc::clone(&queue), number % 2 == 1);
                tokio::spawn(async move {
                    let mut all = Vec::new();
                    loop {
                        let taken = match spare {
                            false => queue.take(7).await,
                            true => queue.take_left_waiting(7, Duration::ZERO).await,
                        };
                        match taken {
                            Some(taken) => all.extend(taken),
                            None => break all,
                        }
                    }
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
