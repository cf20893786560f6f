//! The state machine of a long operation.

use std::time::Duration;

use super::model::Status;

/// How long a runner is taken to be alive after its last sign of life. The operations of a server
/// that crashed are taken up again after this time.
pub const LEASE: Duration = Duration::from_secs(15);

/// How long an operation is left alone that has to wait for something else.
pub const LATER: Duration = Duration::from_secs(1);

/// How often an operation is begun before a defect makes it fail for good. Failures that may pass,
/// such as a database out of reach, never do.
pub const ATTEMPTS_MAX: i64 = 3;

/// What cancelling does to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// It has not begun and is withdrawn.
    Withdraw,
    /// It was withdrawn before.
    Already,
    /// It has begun, or is over.
    TooLate,
}

/// Decides what cancelling does: only what nobody has begun can be withdrawn.
pub fn cancel(status: Status) -> Cancellation {
    match status {
        Status::Queued => Cancellation::Withdraw,
        Status::Cancelled => Cancellation::Already,
        Status::Running | Status::Succeeded | Status::Failed => Cancellation::TooLate,
    }
}

/// Whether an operation goes on: its status will change again.
pub fn is_open(status: Status) -> bool {
    matches!(status, Status::Queued | Status::Running)
}

#[cfg(test)]
mod tests {
    use super::{Cancellation, Status, cancel, is_open};

    #[test]
    fn only_what_has_not_begun_can_be_withdrawn() {
        for (status, expected) in [
            (Status::Queued, Cancellation::Withdraw),
            (Status::Cancelled, Cancellation::Already),
            (Status::Running, Cancellation::TooLate),
            (Status::Succeeded, Cancellation::TooLate),
            (Status::Failed, Cancellation::TooLate),
        ] {
            assert_eq!(cancel(status), expected, "{status:?}");
        }
    }

    #[test]
    fn an_operation_goes_on_until_it_is_over() {
        let open: Vec<_> = Status::ALL.into_iter().filter(|status| is_open(*status)).collect();
        assert_eq!(open, [Status::Queued, Status::Running]);
    }
}
