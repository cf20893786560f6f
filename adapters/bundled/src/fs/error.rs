//! What an error of the file system means to the caller.

use std::io;

use companyos_adapter_traits::{Error, ErrorKind, Outcome};

/// An error on the way to the effect or after it; `outcome` says which.
pub(super) fn failed(doing: &str, cause: io::Error, outcome: Outcome) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        io::ErrorKind::InvalidFilename => ErrorKind::LimitExceeded,
        _ => ErrorKind::Unavailable,
    };
    let mut error = Error::new(kind, format!("{doing} failed")).with_outcome(outcome);
    if let Some(code) = cause.raw_os_error() {
        error = error.with_provider_code(format!("errno {code}"));
    }
    error.with_source(cause)
}

/// An error before the effect: nothing has changed.
pub(super) fn not_done(doing: &'static str) -> impl Fn(io::Error) -> Error {
    move |cause| failed(doing, cause, Outcome::NotSent)
}

/// An error at or after the effect: it may have happened, or may be undone by a crash.
pub(super) fn maybe_done(doing: &'static str) -> impl Fn(io::Error) -> Error {
    move |cause| failed(doing, cause, Outcome::MaybeSent)
}

pub(super) fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}
