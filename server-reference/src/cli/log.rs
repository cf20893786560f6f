//! Where log lines go: standard error, pretty on a terminal and JSON elsewhere.

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::config::{LogConfig, LogFormat};
use crate::kernel::clock::Clock;

/// Starts logging.
///
/// # Errors
/// When the level is no filter, or logging was started before.
pub(super) fn start(
    config: &LogConfig,
    clock: Arc<dyn Clock>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::try_new(&config.level).map_err(|error| format!("log.level: {error}"))?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(ClockTime(clock))
        .with_ansi(terminal);
    let pretty = match config.format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    if pretty {
        lines.with_target(false).try_init()
    } else {
        lines.json().flatten_event(true).with_span_list(false).try_init()
    }
}

/// Stamps lines with the server's clock.
struct ClockTime(Arc<dyn Clock>);

impl FormatTime for ClockTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", self.0.now())
    }
}
