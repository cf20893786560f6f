//! Runs a command to its end, or until its time is up.

use super::console::Console;
use crate::error::Error;
use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// What a command came to.
#[derive(Debug)]
pub(super) struct Finished {
    /// Whether it exited with 0.
    pub(super) success: bool,
    /// Standard output and standard error, line by line as they came.
    pub(super) output: String,
}

impl Finished {
    /// The last lines of the output.
    pub(super) fn tail(&self, lines: usize) -> String {
        let all: Vec<&str> = self.output.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }
}

/// Runs a command, writes its output to `log` and shows its latest line.
///
/// # Errors
/// When it cannot be started, or has not ended after `limit`; then it is killed.
pub(super) fn run(
    console: &Console,
    command: &mut Command,
    log: &Path,
    limit: Duration,
) -> Result<Finished, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(
            |error| {
                Error::caused_by(
                    format!("cannot run {name}"),
                    format!("install {name}, or put it on PATH"),
                    error,
                )
            },
        )?;
    let (sender, lines) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, sender);
    }
    let mut file = std::fs::File::create(log).ok();
    let mut output = String::new();
    let started = Instant::now();
    loop {
        match lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) => {
                console.progress(&format!("{:>4} s  {line}", started.elapsed().as_secs()));
                if let Some(file) = &mut file {
                    let _ = writeln!(file, "{line}");
                }
                output.push_str(&line);
                output.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if started.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::new(
                format!("{name} has not ended after {} s and was killed", limit.as_secs()),
                format!("see what it was doing in {}", log.display()),
            ));
        }
    }
    let status = wait(&mut child, &name)?;
    Ok(Finished { success: status.success(), output })
}

fn wait(child: &mut Child, name: &str) -> Result<ExitStatus, Error> {
    child
        .wait()
        .map_err(|error| Error::caused_by(format!("cannot wait for {name}"), "run the leg again", error))
}

fn forward(stream: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line);
            if sender.send(text.trim_end_matches('\r').to_owned()).is_err() {
                break;
            }
        }
    });
}

/// Asks a process to end, and kills it when it does not within ten seconds. Says whether it exited with 0.
pub(super) fn stop(child: &mut Child) -> bool {
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(10) {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}
