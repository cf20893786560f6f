//! Which idempotency keys may have been used: enough to know of nearly every new key, without asking the database,
//! that it is new.
//!
//! Two Bloom filters, blocked so that a look-up touches one cache line, in turn: keys go into the younger, and the older
//! is dropped when every key in it has expired. Memory is bounded; beyond [`KEYS`] keys a generation answers "perhaps"
//! more and more often, which costs a look-up and nothing else. A key wrongly taken for new would be harmless too: its
//! record could not be committed a second time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::Timestamp;
use super::idempotency::KEPT_FOR;

/// How many keys a generation holds before it errs in more than one of a thousand: 16 bits each.
const KEYS: usize = 1 << 22;

/// 64-bit words of a block: a cache line.
const BLOCK: usize = 8;

/// How many bits of its block a key sets.
const BITS: usize = 6;

/// A key: a SHA-256, so every part of it is as random as a hash of it would be.
type Key = [u8; 32];

/// The keys that may have been used.
#[derive(Debug)]
pub(crate) struct Seen(Mutex<Generations>);

#[derive(Debug)]
struct Generations {
    /// All keys the database holds have been entered.
    complete: bool,
    young: Filter,
    /// When the young one was begun.
    since: Timestamp,
    old: Option<Filter>,
}

impl Seen {
    /// No key has been seen, and what the database holds is not known yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Generations { complete: false, young: Filter::new(), since: now, old: None }))
    }

    /// Enters a key.
    pub(crate) fn enter(&self, key: &Key, now: Timestamp) {
        let mut generations = self.lock();
        if now.since(generations.since) >= KEPT_FOR {
            generations.old = Some(std::mem::replace(&mut generations.young, Filter::new()));
            generations.since = now;
        }
        generations.young.enter(key);
    }

    /// From now on what has not been entered is new.
    pub(crate) fn complete(&self) {
        self.lock().complete = true;
    }

    /// Whether the key has certainly not been used.
    pub(crate) fn is_new(&self, key: &Key) -> bool {
        let generations = self.lock();
        let old = generations.old.as_ref();
        generations.complete && !generations.young.may_hold(key) && !old.is_some_and(|old| old.may_hold(key))
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blocked Bloom filter. Its zeros are the system's: memory is taken as keys come.
#[derive(Debug)]
struct Filter(Vec<u64>);

impl Filter {
    fn new() -> Self {
        Self(vec![0; KEYS * 16 / 64])
    }

    fn enter(&mut self, key: &Key) {
        for (word, bit) in self.places(key) {
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_hold(&self, key: &Key) -> bool {
        self.places(key).iter().all(|(word, bit)| self.0.get(*word).is_none_or(|word| word & bit != 0))
    }

    /// The key's words and bits: eight bytes of it choose the block, two more each of the bits in there.
    fn places(&self, key: &Key) -> [(usize, u64); BITS] {
        let (block, rest) = key.split_at(8);
        let block = block.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let block = block % (self.0.len() / BLOCK).max(1) * BLOCK;
        let mut bits = rest
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |bit, byte| bit << 8 | usize::from(*byte)) % (64 * BLOCK));
        std::array::from_fn(|_| {
            let bit = bits.next().unwrap_or(0);
            (block + bit / 64, 1 << (bit % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sha2::{Digest as _, Sha256};

    use super::*;

    fn key(number: u64) -> Key {
        Sha256::digest(number.to_be_bytes()).into()
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_micros(1_768_555_800_000_000).saturating_add(Duration::from_secs(hours * 3600))
    }

    #[test]
    fn nothing_is_new_before_all_is_known() {
        let seen = Seen::new(at(0));
        assert!(!seen.is_new(&key(1)));
        seen.complete();
        assert!(seen.is_new(&key(1)));
    }

    #[test]
    fn a_key_that_was_entered_is_never_new_while_it_lives() {
        let seen = Seen::new(at(0));
        seen.complete();
        for hour in 0..72 {
            seen.enter(&key(hour), at(hour));
            for younger in hour.saturating_sub(23)..=hour {
                assert!(!seen.is_new(&key(younger)), "entered at hour {younger}, asked at hour {hour}");
            }
        }
        assert!(seen.is_new(&key(0)), "an expired key is forgotten");
    }

    #[test]
    fn a_full_generation_errs_rarely() {
        let seen = Seen::new(at(0));
        seen.complete();
        let keys = KEYS as u64 / 16;
        for number in 0..keys {
            seen.enter(&key(number), at(0));
        }
        let wrong = (keys..keys + 20_000).filter(|number| !seen.is_new(&key(*number))).count();
        assert!(wrong < 20, "{wrong} of 20,000 new keys were taken for used");
        assert!((0..keys).step_by(97).all(|number| !seen.is_new(&key(number))));
    }
}
