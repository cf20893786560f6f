//! Refresh tokens that were traded for others, so that one that comes again is known.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use companyos_adapter_traits::Secret;
use sha2::{Digest, Sha256};

/// How many are remembered; the oldest are forgotten first. 64 bytes each.
const REMEMBERED: usize = 10_000;

type Mark = [u8; 32];

/// The hashes of the last refresh tokens that were traded here. The issuer remembers all of them, and is who refuses
/// them; this only tells a reuse from other refusals.
#[derive(Default)]
pub(super) struct Spent(Mutex<(HashSet<Mark>, VecDeque<Mark>)>);

impl Spent {
    pub(super) fn insert(&self, token: &Secret) {
        let mark = mark(token);
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, order) = &mut *guard;
        if known.insert(mark) {
            order.push_back(mark);
        }
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, token: &Secret) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(&mark(token))
    }
}

fn mark(token: &Secret) -> Mark {
    Sha256::digest(token.expose()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first() {
        let spent = Spent::default();
        let token = |n: usize| Secret::new(format!("token {n}"));
        for n in 0..=REMEMBERED {
            spent.insert(&token(n));
            spent.insert(&token(n));
        }
        assert!(!spent.contains(&token(0)));
        assert!(spent.contains(&token(1)));
        assert!(spent.contains(&token(REMEMBERED)));
    }
}
