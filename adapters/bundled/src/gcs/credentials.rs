//! Who the adapter is to the service.

use std::fmt;
use std::future::{Future, ready};
use std::time::SystemTime;

use companyos_adapter_traits::{Error, ErrorKind, Outcome};
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    self, CacheableResource, Credentials, CredentialsProvider, EntityTag, anonymous, service_account,
};
use google_cloud_auth::errors::CredentialsError;
use google_cloud_auth::signer::Signer;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue};

use super::error::Token;

/// Where the adapter's credentials come from. `Debug` says which kind they are and nothing more.
#[derive(Clone)]
pub struct GcsCredentials(Kind);

#[derive(Clone)]
enum Kind {
    ApplicationDefault,
    ServiceAccountKey(String),
    AccessToken(String, Option<SystemTime>),
    Anonymous,
}

impl GcsCredentials {
    /// Application Default Credentials: what `GOOGLE_APPLICATION_CREDENTIALS` names, else what `gcloud auth
    /// application-default login` left, else the service account of the machine. Tokens are renewed before they expire.
    /// Signs URLs where the credentials are those of a service account, if need be by asking IAM, which takes the
    /// permission `iam.serviceAccounts.signBlob`.
    #[must_use]
    pub fn application_default() -> Self {
        Self(Kind::ApplicationDefault)
    }

    /// The key of a service account, the JSON text of the file that Google makes. Signs URLs without asking anyone.
    pub fn service_account_key(json: impl Into<String>) -> Self {
        Self(Kind::ServiceAccountKey(json.into()))
    }

    /// An OAuth 2.0 access token that somebody else keeps fresh. Does not sign URLs.
    pub fn access_token(token: impl Into<String>) -> Self {
        Self(Kind::AccessToken(token.into(), None))
    }

    /// An access token that is good until `end`, which tells one that has expired from one that was withdrawn.
    pub fn access_token_until(token: impl Into<String>, end: SystemTime) -> Self {
        Self(Kind::AccessToken(token.into(), Some(end)))
    }

    /// No credentials: public buckets and emulators.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Kind::Anonymous)
    }

    /// What is known of the tokens that requests will carry.
    pub(super) fn token(&self) -> Token {
        match self.0 {
            Kind::ApplicationDefault | Kind::ServiceAccountKey(_) => Token::Renewed,
            Kind::AccessToken(_, Some(end)) => Token::GivenUntil(end),
            Kind::AccessToken(_, None) => Token::Given,
            Kind::Anonymous => Token::None,
        }
    }

    /// What authenticates requests and, where the credentials can, what signs URLs.
    pub(super) fn build(&self) -> Result<(Credentials, Option<Signer>), Error> {
        match &self.0 {
            Kind::ApplicationDefault => {
                let credentials = credentials::Builder::default().build().map_err(unusable)?;
                // Those of a person, for instance, cannot sign.
                Ok((credentials, credentials::Builder::default().build_signer().ok()))
            }
            Kind::ServiceAccountKey(json) => {
                // Not kept as the source: a parser's message can quote what it parsed.
                let key: serde_json::Value = serde_json::from_str(json).map_err(|_| {
                    Error::new(ErrorKind::InvalidInput, "the service account key is not JSON")
                })?;
                let credentials = service_account::Builder::new(key.clone()).build().map_err(unusable)?;
                let signer = service_account::Builder::new(key).build_signer().map_err(unusable)?;
                Ok((credentials, Some(signer)))
            }
            Kind::AccessToken(token, _) => Ok((Bearer::new(token)?.into(), None)),
            Kind::Anonymous => Ok((anonymous::Builder::new().build(), None)),
        }
    }
}

fn unusable(error: BuildError) -> Error {
    let what = if error.is_loading() { "cannot be read" } else { "are not usable" };
    Error::new(ErrorKind::Unauthenticated, format!("the credentials {what}")).with_outcome(Outcome::NotSent)
}

impl fmt::Debug for GcsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::ApplicationDefault => "ApplicationDefault",
            Kind::ServiceAccountKey(_) => "ServiceAccountKey(***)",
            Kind::AccessToken(..) => "AccessToken(***)",
            Kind::Anonymous => "Anonymous",
        })
    }
}

/// A given access token.
struct Bearer {
    header: HeaderValue,
    tag: EntityTag,
}

impl Bearer {
    fn new(token: &str) -> Result<Self, Error> {
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "the access token is not one line of text"))?;
        header.set_sensitive(true);
        Ok(Self { header, tag: EntityTag::new() })
    }
}

impl CredentialsProvider for Bearer {
    fn headers(
        &self,
        _: Extensions,
    ) -> impl Future<Output = Result<CacheableResource<HeaderMap>, CredentialsError>> + Send {
        let data = HeaderMap::from_iter([(AUTHORIZATION, self.header.clone())]);
        ready(Ok(CacheableResource::New { entity_tag: self.tag.clone(), data }))
    }

    fn universe_domain(&self) -> impl Future<Output = Option<String>> + Send {
        ready(None)
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::GcsCredentials;

    #[test]
    fn no_credential_shows_in_debug() {
        let token = GcsCredentials::access_token("ya29.secret");
        let key = GcsCredentials::service_account_key(r#"{"private_key":"secret"}"#);
        let built = GcsCredentials::access_token("ya29.secret").build().unwrap();
        for shown in [format!("{token:?}"), format!("{key:?}"), format!("{built:?}")] {
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        for text in ["secret", r#"{"client_email":"secret"}"#] {
            let error = GcsCredentials::service_account_key(text).build().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
        assert!(GcsCredentials::access_token("two\nlines").build().is_err());
    }
}
