//! Runs `rustfmt` over generated text.

use crate::{error::Error, repo::Repo};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Formats `text`, which is to be written to `path`.
///
/// # Errors
/// When `rustfmt` is missing or refuses the text.
pub(super) fn format(repo: &Repo, path: &str, text: &str) -> Result<String, Error> {
    let missing = |error| {
        Error::caused_by("cannot run rustfmt", "install it with `rustup component add rustfmt`", error)
    };
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .current_dir(repo.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A broken pipe means that rustfmt has ended; its own message follows below.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = child.wait_with_output().map_err(missing)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::new(
        format!("rustfmt refuses the text for {path}:\n{}", String::from_utf8_lossy(&output.stderr)),
        "this is a defect of the generator in contract-tests/src/generate",
    ))
}
