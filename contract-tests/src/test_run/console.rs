//! What a run prints: lines everywhere, and one line of progress on a terminal.

use std::io::{IsTerminal as _, Write as _};

/// The widest progress line.
const WIDTH: usize = 100;

/// Standard output.
#[derive(Debug)]
pub struct Console {
    terminal: bool,
}

impl Console {
    /// A console that shows progress when standard output is a terminal.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal() }
    }

    /// Prints a leg's heading.
    pub fn heading(&self, name: &str, about: &str) {
        self.line(&format!("\n== {name}: {about}"));
    }

    /// Prints a line in place of the progress.
    pub fn line(&self, text: &str) {
        // A closed pipe is no reason to stop the run.
        let _ = writeln!(std::io::stdout(), "{}{text}", self.clear());
    }

    /// Shows what is going on; nothing when standard output is no terminal.
    pub fn progress(&self, text: &str) {
        if self.terminal {
            let line: String = text.chars().filter(|c| !c.is_control()).take(WIDTH).collect();
            let mut out = std::io::stdout();
            let _ = write!(out, "{}{line}", self.clear());
            let _ = out.flush();
        }
    }

    fn clear(&self) -> &'static str {
        if self.terminal { "\r\x1b[2K" } else { "" }
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}
