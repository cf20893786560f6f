//! What the program takes from its surroundings: environment and terminal. Nothing else in it does.

use std::io::{self, IsTerminal};

/// A variable of the environment; `None` when it is not set or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that reads the environment")]
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Whether standard output is a terminal whose reader has not asked for no colours (no-color.org).
pub(super) fn stdout_has_colours() -> bool {
    io::stdout().is_terminal() && env("NO_COLOR").is_none_or(|value| value.is_empty())
}
