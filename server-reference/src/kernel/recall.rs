//! Looking idempotency keys up, many requests by one statement.
//!
//! Nearly every request with a key is the first with it, so nearly every look-up finds nothing; a statement each would
//! be the larger part of what such a request costs. Whoever finds nobody asking asks for all who wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::clock::Timestamp;
use super::seen::Seen;
use crate::store::{LOOKED_UP_AT_ONCE, Remembered, Store, StoreError};

type Answer = Result<Option<Remembered>, StoreError>;

/// Gathers look-ups.
pub(crate) struct Recall {
    store: Store,
    waiting: Mutex<Vec<([u8; 32], oneshot::Sender<Answer>)>>,
    /// Held by the one who asks.
    asking: tokio::sync::Mutex<()>,
    /// Where no other server writes records: the keys that may have one.
    seen: Option<Seen>,
}

impl Recall {
    pub(crate) fn new(store: Store, now: Timestamp) -> Self {
        let seen = store.is_exclusive().then(|| Seen::new(now));
        Self { store, waiting: Mutex::default(), asking: tokio::sync::Mutex::default(), seen }
    }

    /// Learns which keys there are records of. Until it has, every key is looked up.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn learn(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some(seen) = &self.seen else { return Ok(()) };
        let mut after = Vec::new();
        loop {
            let keys = self.store.reader().await?.remembered_keys(&after).await?;
            let Some(last) = keys.last() else { break };
            after = last.to_vec();
            keys.iter().for_each(|key| seen.enter(key, now));
        }
        seen.complete();
        Ok(())
    }

    /// Notes that a record is about to be written under `key`.
    pub(crate) fn note(&self, key: &[u8; 32], now: Timestamp) {
        if let Some(seen) = &self.seen {
            seen.enter(key, now);
        }
    }

    /// The outcome stored under `key`, when there is one that has not expired.
    pub(crate) async fn find(&self, key: [u8; 32], now: Timestamp) -> Answer {
        if self.seen.as_ref().is_some_and(|seen| seen.is_new(&key)) {
            return Ok(None);
        }
        let (tell, mut told) = oneshot::channel();
        self.waiting().push((key, tell));
        tokio::select! {
            biased;
            answer = &mut told => match answer {
                Ok(answer) => answer,
                Err(_) => self.alone(key, now).await,
            },
            _asking = self.asking.lock() => loop {
                match told.try_recv() {
                    Ok(answer) => break answer,
                    // Whoever took it to ask went away in the middle.
                    Err(TryRecvError::Closed) => break self.alone(key, now).await,
                    // With many waiting it may take more than one statement until it is this one's turn.
                    Err(TryRecvError::Empty) => self.ask(now).await,
                }
            }
        }
    }

    /// Asks for one key only.
    async fn alone(&self, key: [u8; 32], now: Timestamp) -> Answer {
        self.store.reader().await?.remembered(&key, now).await
    }

    /// Asks for those who wait and tells them.
    async fn ask(&self, now: Timestamp) {
        let asked: Vec<_> = {
            let mut waiting = self.waiting();
            let many = waiting.len().min(LOOKED_UP_AT_ONCE);
            waiting.drain(..many).collect()
        };
        let keys: Vec<[u8; 32]> = asked.iter().map(|(key, _)| *key).collect();
        let found = self.look_up(&keys, now).await;
        for (key, tell) in asked {
            let answer = match &found {
                Ok(found) => Ok(found.get(&key).cloned()),
                Err(error) => Err(error.clone()),
            };
            // Who no longer waits need not be told.
            let _gone = tell.send(answer);
        }
    }

    async fn look_up(
        &self,
        keys: &[[u8; 32]],
        now: Timestamp,
    ) -> Result<HashMap<[u8; 32], Remembered>, StoreError> {
        self.store.reader().await?.remembered_of(keys, now).await
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<([u8; 32], oneshot::Sender<Answer>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::kernel::clock::{Clock, SystemClock};
    use crate::store::{Commit, Remember, StoreOptions, testing};

    fn key(n: u16) -> [u8; 32] {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&n.to_be_bytes());
        key
    }

    /// A store that remembers the odd ones of `keys`.
    async fn odd(keys: u16) -> Arc<Recall> {
        let store = Store::open(StoreOptions::new("sqlite::memory:"), testing::deps()).await.unwrap();
        let expires_at = SystemClock.now().saturating_add(Duration::from_secs(60));
        for n in (1..keys).step_by(2) {
            let remember = Remember { key: key(n), fingerprint: key(n), response: Vec::new(), expires_at };
            store
                .write(move |_tx| {
                    let commit = Commit::without_receipt((), "a test").remembering(Some(remember.clone()));
                    Box::pin(async move { Ok::<_, StoreError>(commit) })
                })
                .await
                .unwrap();
        }
        Arc::new(Recall::new(store, SystemClock.now()))
    }

    #[tokio::test]
    async fn more_askers_than_fit_one_statement_are_all_told_their_own() {
        const KEYS: u16 = 600;
        let recall = odd(KEYS).await;
        let now = SystemClock.now();
        let asking = (0..KEYS).map(|n| {
            let recall = Arc::clone(&recall);
            async move { (n, recall.find(key(n), now).await.unwrap()) }
        });
        for (n, found) in futures_util::future::join_all(asking).await {
            assert_eq!(found.map(|found| found.fingerprint), (n % 2 == 1).then(|| key(n)), "key {n}");
        }
    }

    #[tokio::test]
    async fn records_from_before_the_start_are_found_once_they_are_learnt() {
        const KEYS: u16 = 600;
        let recall = odd(KEYS).await;
        recall.learn(SystemClock.now()).await.unwrap();
        for n in 0..KEYS {
            let found = recall.find(key(n), SystemClock.now()).await.unwrap();
            assert_eq!(found.is_some(), n % 2 == 1, "key {n}");
        }
    }

    #[tokio::test]
    async fn askers_whose_asker_goes_away_are_told_nevertheless() {
        let recall = odd(8).await;
        let asking = recall.asking.lock().await;
        let mut waits = Box::pin(recall.find(key(3), SystemClock.now()));
        assert!(futures_util::poll!(&mut waits).is_pending());
        // What one who asks does before being dropped: take the keys, and tell nobody.
        recall.waiting().clear();
        drop(asking);
        assert_eq!(waits.await.unwrap().unwrap().fingerprint, key(3));
    }
}
