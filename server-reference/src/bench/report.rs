//! The figures, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::BenchOptions;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Requests per second.
    PerSecond,
    /// Rows per second.
    RowsPerSecond,
    /// Milliseconds.
    Millis,
    /// One figure over another of the same run.
    Ratio,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerSecond => "/s",
            Self::RowsPerSecond => "rows/s",
            Self::Millis => "ms",
            Self::Ratio => "x",
        })
    }
}

/// One figure over its rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// In what.
    pub unit: Unit,
    /// The smallest of the rounds.
    pub min: f64,
    /// The median of the rounds; quote this one.
    pub median: f64,
    /// The largest of the rounds.
    pub max: f64,
}

impl Figure {
    pub(super) fn of(name: &'static str, unit: Unit, rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        } else {
            at(middle)
        };
        Self { name, unit, min: at(0), median, max: at(sorted.len().wrapping_sub(1)) }
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Concurrent clients.
    pub clients: u64,
    /// Seconds of a round.
    pub round_seconds: f64,
    /// Rounds of a leg.
    pub rounds: usize,
    /// Processors of the machine; server, peer and load generator share them.
    pub processors: usize,
    /// The database's engine.
    pub engine: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Report {
    pub(super) fn new(options: &BenchOptions) -> Self {
        let postgres = options.database_url.as_ref().is_some_and(|url| url.starts_with("postgres"));
        Self {
            clients: options.clients,
            round_seconds: options.round.as_secs_f64(),
            rounds: options.rounds,
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            engine: if postgres { "postgresql" } else { "sqlite" },
            figures: Vec::new(),
        }
    }

    pub(super) fn extend(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} clients, {} rounds of {} s, {} processors shared by server, peer and load, {}",
            self.clients, self.rounds, self.round_seconds, self.processors, self.engine
        )?;
        writeln!(f, "{:<40} {:>12} {:>12} {:>12}", "", "min", "median", "max")?;
        for figure in &self.figures {
            let digits = usize::from(matches!(figure.unit, Unit::Millis | Unit::Ratio)) * 2;
            writeln!(
                f,
                "{:<40} {:>12.digits$} {:>12.digits$} {:>12.digits$} {}",
                figure.name, figure.min, figure.median, figure.max, figure.unit
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_with_its_spread() {
        let odd = Figure::of("odd", Unit::Ratio, &[3.0, 1.0, 2.0]);
        assert_eq!((odd.min, odd.median, odd.max), (1.0, 2.0, 3.0));
        let even = Figure::of("even", Unit::Ratio, &[4.0, 1.0, 2.0, 3.0]);
        assert_eq!((even.min, even.median, even.max), (1.0, 2.5, 4.0));
    }
}
