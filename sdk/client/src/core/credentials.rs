//! Who calls.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use companyos_types::Secret;
use http::HeaderValue;

use super::error::{BoxError, Error, Kind};

/// The value of an `Authorization` header. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Bearer {
    value: HeaderValue,
}

impl Bearer {
    /// Makes the header value of a bearer token, such as an API key.
    ///
    /// # Errors
    ///
    /// When the token is empty or holds anything but visible ASCII, as a key with a line break at its end does.
    pub fn new(token: &Secret) -> Result<Self, Error> {
        let token = token.expose();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::new(
                Kind::Config,
                "the credential is empty or holds spaces or control characters",
            ));
        }
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Error::new(Kind::Config, "the credential does not fit a header"))?;
        value.set_sensitive(true);
        Ok(Self { value })
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.value.clone()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(***)")
    }
}

/// Gives the credential of each attempt, for credentials that expire and are renewed.
///
/// A key that does not change needs none of this: give it to
/// [`ClientBuilder::api_key`](crate::ClientBuilder::api_key).
#[async_trait]
pub trait CredentialSource: Send + Sync + fmt::Debug {
    /// Returns the credential to use now. Called before every attempt, so cache it until shortly before it expires.
    ///
    /// # Errors
    ///
    /// The call then fails, with nothing more being sent.
    async fn bearer(&self) -> Result<Bearer, BoxError>;
}

/// What the client was built with.
#[derive(Debug, Clone, Default)]
pub(crate) enum Credentials {
    #[default]
    None,
    Fixed(Bearer),
    Source(Arc<dyn CredentialSource>),
}

impl Credentials {
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, Error> {
        match self {
            Credentials::None => Ok(None),
            Credentials::Fixed(bearer) => Ok(Some(bearer.header())),
            Credentials::Source(source) => match source.bearer().await {
                Ok(bearer) => Ok(Some(bearer.header())),
                Err(source) => {
                    Err(Error::new(Kind::Credentials, "the credential source failed").caused_by(source))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let bearer = Bearer::new(&Secret::new("cos_dev_topsecret")).expect("a token");
        let shown = format!("{bearer:?} {:?} {:?}", bearer.header(), Credentials::Fixed(bearer.clone()));
        assert!(!shown.contains("topsecret"), "{shown}");
    }

    #[test]
    fn a_token_with_a_line_break_is_refused() {
        for token in ["", "a b", "a\n", "ä"] {
            let error = Bearer::new(&Secret::new(token)).expect_err(token);
            assert!(error.is_invalid_request(), "{token:?}");
        }
    }
}
