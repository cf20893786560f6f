//! What an issuer publishes about itself.

/// The members of an issuer's metadata that callers decide by (OpenID Connect Discovery 1.0, RFC 8414).
///
/// An endpoint is `None`, and a list empty, when the issuer does not publish it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IssuerMetadata {
    /// The issuer identifier.
    pub issuer: String,
    /// Where the browser signs in.
    pub authorization_endpoint: Option<String>,
    /// Where grants become tokens.
    pub token_endpoint: Option<String>,
    /// Where the keys are.
    pub jwks_uri: Option<String>,
    /// Where an access token tells of its subject.
    pub userinfo_endpoint: Option<String>,
    /// Where tokens are asked about.
    pub introspection_endpoint: Option<String>,
    /// Where tokens are ended.
    pub revocation_endpoint: Option<String>,
    /// Where sessions are ended.
    pub end_session_endpoint: Option<String>,
    /// Where a device flow starts.
    pub device_authorization_endpoint: Option<String>,
    /// The scopes it knows.
    pub scopes: Vec<String>,
    /// The grant types it takes.
    pub grant_types: Vec<String>,
    /// The algorithms it may sign ID tokens with.
    pub id_token_algorithms: Vec<String>,
    /// The PKCE methods it takes.
    pub code_challenge_methods: Vec<String>,
    /// The authentication context classes it knows.
    pub acr_values: Vec<String>,
}

impl IssuerMetadata {
    /// Metadata that say nothing yet but whose they are.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), ..Self::default() }
    }
}
