//! What a token says.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::{amr, json};
use crate::Error;

/// The claims of a verified token: the registered ones by their registered names (RFC 7519, OpenID Connect Core,
/// RFC 9068), all others as they came.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The subject: whom the token is about, unique at the issuer.
    pub sub: String,
    /// Whom it is for; at least one.
    pub aud: Vec<String>,
    /// The client it was issued to.
    pub azp: Option<String>,
    /// When it ends.
    pub exp: SystemTime,
    /// When it was issued.
    pub iat: Option<SystemTime>,
    /// When it begins.
    pub nbf: Option<SystemTime>,
    /// When the subject signed in.
    pub auth_time: Option<SystemTime>,
    /// The nonce of the flow it was issued for.
    pub nonce: Option<String>,
    /// The hash of the access token that came with it.
    pub at_hash: Option<String>,
    /// The authentication context class, in the issuer's words.
    pub acr: Option<String>,
    /// The methods the subject signed in with (RFC 8176).
    pub amr: Vec<String>,
    /// What it grants.
    pub scope: Vec<String>,
    /// The client it was issued to, in an access token.
    pub client_id: Option<String>,
    /// The session at the issuer.
    pub sid: Option<String>,
    /// The token's own identifier.
    pub jti: Option<String>,
    /// Every other claim.
    pub extra: Map<String, Value>,
}

impl Claims {
    /// Claims with what every token has.
    pub fn new(
        iss: impl Into<String>,
        sub: impl Into<String>,
        aud: impl IntoIterator<Item = String>,
        exp: SystemTime,
    ) -> Self {
        Self {
            iss: iss.into(),
            sub: sub.into(),
            aud: aud.into_iter().collect(),
            azp: None,
            exp,
            iat: None,
            nbf: None,
            auth_time: None,
            nonce: None,
            at_hash: None,
            acr: None,
            amr: Vec::new(),
            scope: Vec::new(),
            client_id: None,
            sid: None,
            jti: None,
            extra: Map::new(),
        }
    }

    /// Reads a claims set, the payload of a JWT whose signature has been verified.
    ///
    /// `aud` may be a string or an array, `scope` a list separated by spaces or an array, times may have fractions.
    ///
    /// # Errors
    /// [`Token`](crate::ErrorKind::Token) with [`Malformed`](crate::TokenFault::Malformed) when `iss`, `sub`, `aud` or
    /// `exp` is missing or a registered claim is not of its type. The message names the claim, never its value.
    pub fn from_json(mut members: Map<String, Value>) -> Result<Self, Error> {
        let set = &mut members;
        let (iss, sub) = (json::required(set, "iss")?, json::required(set, "sub")?);
        let exp = json::time(set, "exp")?.ok_or_else(|| json::missing("exp"))?;
        let aud = json::list(set, "aud")?;
        if aud.is_empty() {
            return Err(json::missing("aud"));
        }
        Ok(Self {
            azp: json::text(set, "azp")?,
            iat: json::time(set, "iat")?,
            nbf: json::time(set, "nbf")?,
            auth_time: json::time(set, "auth_time")?,
            nonce: json::text(set, "nonce")?,
            at_hash: json::text(set, "at_hash")?,
            acr: json::text(set, "acr")?,
            amr: json::list(set, "amr")?,
            scope: json::words(set, "scope")?,
            client_id: json::text(set, "client_id")?,
            sid: json::text(set, "sid")?,
            jti: json::text(set, "jti")?,
            extra: members,
            ..Self::new(iss, sub, aud, exp)
        })
    }

    /// Whether the subject signed in with more than one factor: the methods show it ([`amr::is_multi_factor`]), or
    /// the class is one of `acr`, those that mean it at this issuer.
    #[must_use]
    pub fn is_multi_factor(&self, acr: &[String]) -> bool {
        amr::is_multi_factor(&self.amr) || self.acr.as_ref().is_some_and(|class| acr.contains(class))
    }
}
