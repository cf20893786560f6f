use crate::key::SignError;
use crate::verify::Failure;

/// Why something could not be issued, signed, built or read from trusted input.
///
/// Opaque on purpose: what can be acted on is in the text. Input that is *not* trusted (receipts, proofs, checkpoints,
/// exports) is refused with a [`Failure`] instead, which names the check; one converts into the other for `?`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("claim `{name}` {problem}")]
    Claim { name: &'static str, problem: &'static str },
    #[error("member `{name}` {problem}")]
    Private { name: String, problem: &'static str },
    #[error("the key set is not usable: {0}")]
    Keys(String),
    #[error("the signer refused")]
    Sign(#[from] SignError),
    #[error("{0}")]
    Tree(&'static str),
    #[error("{0}")]
    Checkpoint(&'static str),
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl<T: Into<Kind>> From<T> for Error {
    fn from(kind: T) -> Self {
        Self(Box::new(kind.into()))
    }
}

impl Error {
    pub(crate) fn keys(detail: impl Into<String>) -> Self {
        Kind::Keys(detail.into()).into()
    }

    pub(crate) fn tree(detail: &'static str) -> Self {
        Kind::Tree(detail).into()
    }

    pub(crate) fn checkpoint(detail: &'static str) -> Self {
        Kind::Checkpoint(detail).into()
    }
}
