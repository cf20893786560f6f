//! What the words of a fault mean.

use std::time::Duration;

use http::StatusCode;

use crate::kernel::fault::Fault;

/// Plans kept at once; the oldest goes when one more is made.
pub(super) const MOST_PLANS: usize = 1_000;
/// Attempts kept per plan.
pub(super) const MOST_ATTEMPTS: usize = 1_000;
/// How long a plan is kept.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(600);

/// What a planned fault does to the request at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It is used up by this request.
    Use(Fault),
    /// It lets this request pass and becomes that.
    Later(String),
}

/// Reads a fault as the contract's pattern spells it; `None` for anything else.
pub(super) fn step(text: &str) -> Option<Step> {
    let fault = match text {
        "pass" => Fault::Pass,
        "reset-connection" => Fault::ResetConnection,
        "reset-after-commit" => Fault::ResetAfterCommit,
        "broken-body" => Fault::BrokenBody,
        _ => match text.strip_prefix("return-") {
            Some(rest) => return answer(rest),
            None => Fault::Stall(Duration::from_secs(
                text.strip_prefix("stall-")?.strip_suffix('s')?.parse().ok()?,
            )),
        },
    };
    Some(Step::Use(fault))
}

/// `<status>`, `<status>-retry-after-<seconds>` or `<status>-after-<n>`.
fn answer(text: &str) -> Option<Step> {
    let (status, rest) = text.split_at_checked(3)?;
    let status = StatusCode::from_bytes(status.as_bytes()).ok()?;
    if !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let retry_after = match (rest, rest.strip_prefix("-retry-after-"), rest.strip_prefix("-after-")) {
        ("", ..) => None,
        (_, Some(seconds), _) => Some(seconds.parse().ok()?),
        (_, None, Some(times)) => match times.parse::<u32>().ok()? {
            0 => None,
            1 => return Some(Step::Later(format!("return-{}", status.as_u16()))),
            more => return Some(Step::Later(format!("return-{}-after-{}", status.as_u16(), more - 1))),
        },
        _ => return None,
    };
    Some(Step::Use(Fault::Return { status, retry_after }))
}
