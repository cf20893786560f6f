//! What a story prints: numbered steps, tables, a progress bar; colours only on a terminal. Or one JSON document.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to the person who runs it")]

use std::error::Error;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

/// Prints the story and remembers each step for the summary.
#[derive(Debug)]
pub struct Show {
    story: &'static str,
    json: bool,
    colour: bool,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    result: String,
    /// The rows of its tables, for the document.
    rows: Vec<Value>,
}

impl Show {
    /// Tells `story` to a person, or with `json` prints nothing but one document at its end.
    #[must_use]
    pub fn new(story: &'static str, json: bool) -> Self {
        let colour = std::io::stdout().is_terminal();
        Self { story, json, colour, steps: Vec::new() }
    }

    fn print(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }

    /// Says what is told, and where it happens.
    pub fn title(&self, title: &str, below: &str) {
        self.print(&format!("{}\n{below}", self.paint("1", title)));
    }

    /// Begins a step.
    pub fn step(&mut self, name: &'static str) {
        self.steps.push(Step { name, result: String::new(), rows: Vec::new() });
        let number = format!("{:>2}", self.steps.len());
        self.print(&format!("\n{} {}", self.paint("1;36", &number), self.paint("1", name)));
    }

    /// Ends the step with what came of it.
    pub fn result(&mut self, result: impl Into<String>) {
        let result = result.into();
        self.print(&format!("   {}", self.paint("32", &result)));
        if let Some(step) = self.steps.last_mut() {
            step.result = result;
        }
    }

    /// Tells something on the way.
    pub fn say(&self, line: impl AsRef<str>) {
        self.print(&format!("   {}", line.as_ref()));
    }

    /// Prints rows under a header, columns as wide as their widest cell.
    pub fn table<const N: usize>(&mut self, header: [&str; N], rows: &[[String; N]]) {
        self.print_table(header, rows);
        let Some(step) = self.steps.last_mut() else { return };
        step.rows.extend(rows.iter().map(|row| {
            let cells = header.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), json!(cell)));
            Value::Object(cells.collect::<Map<_, _>>())
        }));
    }

    fn print_table<const N: usize>(&self, header: [&str; N], rows: &[[String; N]]) {
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
        self.print(&format!("   {}", self.paint("2", &line(header))));
        for row in rows {
            self.print(&format!("   {}", line(std::array::from_fn(|column| row[column].as_str()))));
        }
    }

    /// A progress bar that is drawn on terminals only, and beside no document.
    #[must_use]
    pub fn progress(&self, total: u64, unit: &str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let template = format!("   {{bar:40}} {{pos}}/{{len}} {unit} {{per_sec}} {{elapsed}}");
        // The template is a constant but for the unit; a bar of the default style is a bar as well.
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style)
    }

    /// All steps with their results.
    pub fn summary(&self) {
        self.print(&format!("\n{}", self.paint("1", "What happened")));
        let rows: Vec<[String; 3]> = self
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| [(index + 1).to_string(), step.name.to_owned(), step.result.clone()])
            .collect();
        self.print_table(["#", "step", "result"], &rows);
    }

    /// What to try now. It ends the story, and the document.
    pub fn next(&self, hints: &[String]) {
        self.print(&format!("\n{}", self.paint("1", "Try next")));
        for hint in hints {
            self.print(&format!("   {hint}"));
        }
        if self.json {
            println!("{:#}", self.document(&json!({ "next": hints })));
        }
    }

    /// The story could not be told to its end.
    pub fn failure(&self, error: &(dyn Error + Send + Sync)) {
        let failed = format!("{} failed:", self.story);
        eprintln!("\n{} {error}", self.paint("1;31", &failed));
        let mut source = error.source();
        while let Some(cause) = source {
            eprintln!("   because: {cause}");
            source = cause.source();
        }
        if self.json {
            println!("{:#}", self.document(&json!({ "error": error.to_string() })));
        }
    }

    fn document(&self, end: &Value) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| json!({ "step": step.name, "result": step.result, "rows": step.rows }))
            .collect();
        json!({ "story": self.story, "steps": steps, "end": end })
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
