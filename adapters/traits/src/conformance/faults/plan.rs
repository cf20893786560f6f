//! Which fault strikes when.

use std::time::Duration;

/// A way through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What goes wrong, and where. Offsets count the bytes of one direction: of the whole connection when scripted by
/// connections, of the exchange otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Ends the connection, both ways, when so many bytes have passed.
    ///
    /// `Up` and 0: the server never hears of the request. `Down` and 0: it has done what was asked, and the client never
    /// hears of that.
    Cut {
        /// Whose bytes are counted.
        direction: Direction,
        /// How many pass.
        after: u64,
    },
    /// Holds everything back for a while when so many bytes have passed.
    Stall {
        /// Whose bytes are counted.
        direction: Direction,
        /// How many pass.
        after: u64,
        /// For how long.
        pause: Duration,
    },
    /// Flips the lowest bit of one byte.
    Corrupt {
        /// Whose byte it is.
        direction: Direction,
        /// Its offset.
        at: u64,
    },
    /// Sends the request a second time, on a connection of its own, when the answer to the first begins. The client sees
    /// the first answer only.
    Duplicate,
}

/// The faults to come.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// Both last first, so that the next one is at hand.
    Connections(Vec<Option<Fault>>),
    Exchanges(Vec<Option<Fault>>),
    Rate {
        seed: u64,
        rate: f64,
        stall: Duration,
        corrupt: bool,
    },
}

impl FaultPlan {
    /// Passes everything.
    #[must_use]
    pub fn none() -> Self {
        Self::script([])
    }

    /// One entry per connection, in the order in which they are made; those after the last are left alone.
    pub fn script(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        let mut faults: Vec<_> = faults.into_iter().collect();
        faults.reverse();
        Self { kind: Kind::Connections(faults) }
    }

    /// One entry per exchange, in the order in which they begin, on whatever connections; those after the last are left
    /// alone. What reaches a client that keeps its connections.
    pub fn exchanges(faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        let mut faults: Vec<_> = faults.into_iter().collect();
        faults.reverse();
        Self { kind: Kind::Exchanges(faults) }
    }

    /// Strikes this share of the exchanges, 0 to 1, each with a fault and a place near the beginning that are drawn from
    /// the seed. The same seed and the same order of exchanges make the same faults.
    #[must_use]
    pub fn rate(seed: u64, rate: f64) -> Self {
        Self { kind: Kind::Rate { seed, rate, stall: Duration::from_millis(200), corrupt: true } }
    }

    /// Leaves corruption out of a [`rate`](Self::rate): for adapters that have nothing to notice it by.
    #[must_use]
    pub fn without_corruption(mut self) -> Self {
        if let Kind::Rate { corrupt, .. } = &mut self.kind {
            *corrupt = false;
        }
        self
    }

    /// Sets how long the stalls of a [`rate`](Self::rate) are; 200 ms unless set.
    #[must_use]
    pub fn stalls(mut self, pause: Duration) -> Self {
        if let Kind::Rate { stall, .. } = &mut self.kind {
            *stall = pause;
        }
        self
    }
}

/// A plan being followed.
pub(super) struct Draw {
    plan: FaultPlan,
}

impl Draw {
    pub(super) fn new(plan: FaultPlan) -> Self {
        Self { plan }
    }

    /// The fault of the next connection.
    pub(super) fn connection(&mut self) -> Option<Fault> {
        match &mut self.plan.kind {
            Kind::Connections(faults) => faults.pop().flatten(),
            Kind::Exchanges(_) | Kind::Rate { .. } => None,
        }
    }

    /// The fault of the next exchange.
    pub(super) fn exchange(&mut self) -> Option<Fault> {
        let (seed, rate, pause, corrupt) = match &mut self.plan.kind {
            Kind::Connections(_) => return None,
            Kind::Exchanges(faults) => return faults.pop().flatten(),
            Kind::Rate { seed, rate, stall, corrupt } => (seed, *rate, *stall, *corrupt),
        };
        // The upper 53 bits fill the mantissa.
        let drawn = (next(seed) >> 11) as f64 / (1_u64 << 53) as f64;
        if drawn >= rate {
            return None;
        }
        let (up, down) = (Direction::Up, Direction::Down);
        let (kind, place) = (next(seed) % if corrupt { 6 } else { 4 }, next(seed) % 64);
        Some(match kind {
            0 => Fault::Cut { direction: up, after: place },
            1 => Fault::Cut { direction: down, after: place },
            2 => Fault::Stall { direction: down, after: place, pause },
            3 => Fault::Duplicate,
            4 => Fault::Corrupt { direction: up, at: place },
            _ => Fault::Corrupt { direction: down, at: place },
        })
    }
}

/// SplitMix64: small, and the same everywhere.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Draw, Fault, FaultPlan};

    #[test]
    fn a_rate_strikes_its_share_with_every_kind_of_fault_and_can_be_repeated() {
        let draw = || {
            let mut draw = Draw::new(FaultPlan::rate(7, 0.1));
            (0..10_000).map(|_| draw.exchange()).collect::<Vec<_>>()
        };
        let faults = draw();
        assert_eq!(faults, draw());
        let struck = faults.iter().flatten().count();
        assert!((800..1200).contains(&struck), "{struck} of 10000 at a rate of a tenth");
        let kinds = |is: fn(&Fault) -> bool| faults.iter().flatten().filter(|fault| is(fault)).count();
        assert!(kinds(|fault| matches!(fault, Fault::Cut { .. })) > 200);
        assert!(kinds(|fault| matches!(fault, Fault::Stall { .. })) > 100);
        assert!(kinds(|fault| matches!(fault, Fault::Corrupt { .. })) > 200);
        assert!(kinds(|fault| matches!(fault, Fault::Duplicate)) > 100);
    }
}
