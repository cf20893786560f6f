//! What commands print. The only place of the server that writes to standard output and standard error.

use std::error::Error;

use serde::Serialize;

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// JSON for programs, text for people.
    pub(super) json: bool,
}

impl Output {
    /// Prints the result: `value` for programs, `text` for people.
    #[expect(clippy::print_stdout, reason = "the one place that prints")]
    pub(super) fn result<T: Serialize>(self, value: &T, text: &str) -> Result<(), serde_json::Error> {
        if self.json {
            println!("{}", serde_json::to_string(value)?);
        } else {
            println!("{text}");
        }
        Ok(())
    }

    /// Tells what has to be done before the command can go on: `value` for programs, `text` for people. On standard
    /// error, because it is not the result.
    #[cfg(feature = "login")]
    #[expect(clippy::print_stderr, reason = "the one place that prints")]
    pub(super) fn prompt<T: Serialize>(self, value: &T, text: &str) -> Result<(), serde_json::Error> {
        if self.json {
            eprintln!("{}", serde_json::to_string(value)?);
        } else {
            eprintln!("{text}");
        }
        Ok(())
    }

    /// Prints a remark beside the result.
    #[cfg(feature = "bench")]
    #[expect(clippy::print_stderr, reason = "the one place that prints")]
    pub(super) fn note(self, text: &str) {
        eprintln!("companyos: {text}");
    }

    /// Prints why the command failed, with every cause.
    #[expect(clippy::print_stderr, reason = "the one place that prints")]
    pub(super) fn failure(self, error: &dyn Error) {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text.push_str(": ");
                text.push_str(&inner_text);
            }
            cause = inner.source();
        }
        if self.json {
            eprintln!("{}", serde_json::json!({ "error": text }));
        } else {
            eprintln!("companyos: {text}");
        }
    }
}
