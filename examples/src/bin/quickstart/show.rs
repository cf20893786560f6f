//! What the story prints: numbered steps, tables, a progress bar; colours only on a terminal.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to the person who runs it")]

use std::error::Error;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Prints the story and remembers each step for the summary.
pub(crate) struct Show {
    colour: bool,
    steps: Vec<(&'static str, String)>,
}

impl Show {
    pub(crate) fn new() -> Self {
        let colour = std::io::stdout().is_terminal();
        Self { colour, steps: Vec::new() }
    }

    pub(crate) fn title(&self, title: &str, below: &str) {
        println!("{}\n{below}", self.paint("1", title));
    }

    /// Begins a step.
    pub(crate) fn step(&mut self, name: &'static str) {
        self.steps.push((name, String::new()));
        println!("\n{} {}", self.paint("1;36", &format!("{:>2}", self.steps.len())), self.paint("1", name));
    }

    /// Ends the step with what came of it.
    pub(crate) fn result(&mut self, result: impl Into<String>) {
        let result = result.into();
        println!("   {}", self.paint("32", &result));
        if let Some((_, told)) = self.steps.last_mut() {
            *told = result;
        }
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        println!("   {}", line.as_ref());
    }

    /// Prints rows under a header, columns as wide as their widest cell.
    pub(crate) fn table<const N: usize>(&self, header: [&str; N], rows: &[[String; N]]) {
        let mut widths = header.map(|cell| cell.chars().count());
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: [&str; N]| {
            let padded: Vec<String> =
                cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        println!("   {}", self.paint("2", &line(header)));
        for row in rows {
            println!("   {}", line(std::array::from_fn(|column| row[column].as_str())));
        }
    }

    /// A progress bar that is drawn on terminals only.
    pub(crate) fn progress(&self, total: u64, unit: &str) -> ProgressBar {
        let template = format!("   {{bar:40}} {{pos}}/{{len}} {unit} {{per_sec}} {{elapsed}}");
        // The template is a constant but for the unit; a bar of the default style is a bar as well.
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style)
    }

    /// All steps with their results.
    pub(crate) fn summary(&self) {
        println!("\n{}", self.paint("1", "What happened"));
        let rows: Vec<[String; 3]> = self
            .steps
            .iter()
            .enumerate()
            .map(|(index, (name, result))| [(index + 1).to_string(), (*name).to_owned(), result.clone()])
            .collect();
        self.table(["#", "step", "result"], &rows);
    }

    /// What to try now.
    pub(crate) fn next(&self, hints: &[String]) {
        println!("\n{}", self.paint("1", "Try next"));
        for hint in hints {
            println!("   {hint}");
        }
    }

    /// The story could not be told to its end.
    pub(crate) fn failure(&self, error: &(dyn Error + Send + Sync)) {
        eprintln!("\n{} {error}", self.paint("1;31", "The quickstart failed:"));
        let mut source = error.source();
        while let Some(cause) = source {
            eprintln!("   because: {cause}");
            source = cause.source();
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
