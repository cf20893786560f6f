//! `companyos bench`: the whole server measured over HTTP, each figure beside a peer measured in the same run.
//!
//! The rounds of a leg and of its peer alternate, so that a machine whose speed drifts slows both. Figures are medians
//! with their spread; quote the ratio, not the absolute number. Durability is what it is in production: SQLite with
//! `synchronous=FULL`, on a real disk when `--data-dir` is on one.

mod baseline;
mod legs;
mod load;
mod report;
mod subject;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use self::report::{Figure, Report};
use self::subject::Subject;
use crate::kernel::clock::Clock;

/// What to measure, and for how long.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Concurrent clients.
    pub clients: u64,
    /// How long one round sends.
    pub round: Duration,
    /// Rounds of each leg.
    pub rounds: usize,
    /// Rows of the imported file.
    pub rows: usize,
    /// Where databases are created; a new folder below it, removed afterwards.
    pub folder: PathBuf,
    /// The database; a new SQLite file when absent.
    pub database_url: Option<String>,
}

/// The bench could not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A socket or file failed.
    #[error("the network or the disk failed: {0}")]
    Io(#[from] std::io::Error),
    /// HTTP failed below the status line.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// The peer's database failed.
    #[error("the bare handler's database failed: {0}")]
    Baseline(#[from] sqlx::Error),
    /// An answer had another status than a good one has.
    #[error("the server answered {status}: {body}")]
    Answer {
        /// The status.
        status: StatusCode,
        /// The body.
        body: String,
    },
    /// The server did not start or did not do its part.
    #[error("the server failed: {0}")]
    Server(String),
}

/// Runs every leg and reports the figures. `progress` is told what begins.
///
/// # Errors
/// [`BenchError`] when the server or a connection fails; a bench that loses requests is not a measurement.
pub async fn run(
    options: &BenchOptions,
    clock: &Arc<dyn Clock>,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Report, BenchError> {
    progress("starting the server and the bare handler");
    let subject = Subject::start(options).await?;
    let peer = baseline::start(subject.folder()).await?;
    let mut report = Report::new(options);
    progress("durable privileged writes, and the bare handler");
    report.extend(legs::writes(options, &subject, peer, clock).await?);
    progress("reads");
    report.extend(legs::reads(options, &subject, clock).await?);
    progress("bulk import");
    report.extend(legs::import(options, &subject, clock).await?);
    subject.stop().await;
    Ok(report)
}
