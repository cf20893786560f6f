//! Access tokens of a tenant's own issuer, as credentials.
//!
//! A tenant that has registered an `oidc` adapter can call the API with that issuer's access tokens (RFC 9068). Such a
//! token acts for the tenant it names as its audience, [`audience_of`] that tenant, and for no other: the issuer says
//! whose token it is, not whoever registered the issuer. Only that tenant's adapters are asked about it, so that no tenant
//! can stand in the way of another's tokens. Its scopes are those of its `scope` claim, and it is never an operator's.
//!
//! Judging a token is not governed: like the look-up of an API key it comes before there is a principal to govern.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_adapters::catalog::Opened;
use companyos_adapters::traits::identity::{Claims, VerifyOptions};
use companyos_adapters::traits::{Context, ErrorKind, IdentityProvider as _, Secret};
use serde::Deserialize;

use super::model::Adapter;
use super::service::{Adapters, OpenError};
use super::store;
use crate::areas::identity::TenantDirectory;
use crate::kernel::auth::{JudgedToken, Principal, TokenSource};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::problem::Problem;
use crate::store::Store;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// How long an issuer may take to hand out its keys.
const LIMIT: Duration = Duration::from_secs(5);

/// What the audience of such a token starts with.
const AUDIENCE: &str = "urn:companyos:tenant:";

/// The audience of access tokens that act for a tenant.
#[must_use]
pub fn audience_of(tenant_id: &str) -> String {
    format!("{AUDIENCE}{tenant_id}")
}

/// Judges access tokens by the identity adapters of tenants.
pub struct Bearers {
    store: Store,
    adapters: Arc<Adapters>,
    tenants: Arc<dyn TenantDirectory>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Bearers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearers").finish_non_exhaustive()
    }
}

impl Bearers {
    /// Judges by the adapters that are registered in `store`.
    #[must_use]
    pub fn new(
        store: Store,
        adapters: Arc<Adapters>,
        tenants: Arc<dyn TenantDirectory>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, adapters, tenants, clock }
    }

    async fn judge(&self, adapter: &Adapter, token: &Secret) -> Result<Option<Claims>, Problem> {
        let audience = audience_of(&adapter.tenant_id);
        if adapter.settings.get("audience").and_then(|value| value.as_str()) != Some(audience.as_str()) {
            return Ok(None);
        }
        let ctx = Context::builder(&adapter.tenant_id, &adapter.region)
            .deadline(self.clock.instant() + LIMIT)
            .build();
        let opened = match self.adapters.open(&ctx, adapter).await {
            Ok(Opened::Identity(opened)) => opened,
            Ok(_) => return Ok(None),
            Err(OpenError::Problem(problem)) => return Err(problem),
            Err(OpenError::Adapter(error)) => return Err(out_of_reach(error)),
            Err(OpenError::Refused(_)) => return Ok(None),
        };
        let options = VerifyOptions::access_token().audience(audience);
        match opened.verify_token(&ctx, token, &options).await {
            Ok(claims) => Ok(Some(claims)),
            Err(error) if matches!(error.kind(), ErrorKind::Token(_)) => {
                tracing::debug!(adapter_id = %adapter.id, %error, "an access token was refused");
                Ok(None)
            }
            Err(error) => Err(out_of_reach(error)),
        }
    }
}

#[async_trait]
impl TokenSource for Bearers {
    async fn judge(&self, token: &str) -> Result<Option<JudgedToken>, Problem> {
        let Some(claimed) = claimed(token) else { return Ok(None) };
        let mut reader = self.store.reader().await?;
        let candidates = store::of_issuer(&mut reader, &claimed.tenant_id, &claimed.issuer).await?;
        // Issuers are asked without it: a slow one must not hold what every request needs.
        drop(reader);
        let token = Secret::new(token);
        let mut failed = None;
        for adapter in candidates {
            let claims = match self.judge(&adapter, &token).await {
                Ok(Some(claims)) => claims,
                Ok(None) => continue,
                Err(problem) => {
                    failed = Some(problem);
                    continue;
                }
            };
            let mut reader = self.store.reader().await?;
            let suspended = self.tenants.suspended(&mut reader, &adapter.tenant_id).await?;
            return Ok(Some(JudgedToken {
                ends_at: ends_at(&claims),
                principal: Principal {
                    key_id: format!("{}:{}", adapter.id, claims.sub),
                    tenant_id: adapter.tenant_id,
                    operator: false,
                    suspended,
                    scopes: claims.scope,
                },
            }));
        }
        failed.map_or(Ok(None), Err)
    }
}

fn out_of_reach(error: companyos_adapters::traits::Error) -> Problem {
    Problem::unavailable(5)
        .detail("The issuer of the access token cannot be asked for its keys.")
        .caused_by(error)
}

fn ends_at(claims: &Claims) -> Timestamp {
    let since = claims.exp.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// What a token says, before anything about it is known to be true.
#[derive(Debug, PartialEq, Eq)]
struct Claimed {
    issuer: String,
    tenant_id: String,
}

/// Reads who a token is of and whom it acts for. `None` for what is no JWT, or not for exactly one tenant.
fn claimed(token: &str) -> Option<Claimed> {
    #[derive(Deserialize)]
    struct Payload {
        iss: String,
        aud: Audience,
    }
    // RFC 7519 section 4.1.3.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Several(Vec<String>),
    }
    let mut parts = token.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    if token.len() > LONGEST {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let Payload { iss, aud } = serde_json::from_slice(&payload).ok()?;
    let audiences = match aud {
        Audience::One(audience) => vec![audience],
        Audience::Several(audiences) => audiences,
    };
    let mut tenants = audiences.iter().filter_map(|audience| audience.strip_prefix(AUDIENCE));
    match (tenants.next(), tenants.next()) {
        (Some(tenant_id), None) => Some(Claimed { issuer: iss, tenant_id: tenant_id.to_owned() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn token(payload: &serde_json::Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload.to_string()))
    }

    #[test]
    fn issuer_and_tenant_are_read_from_the_payload() {
        let iss = "https://id.example.com";
        for aud in [json!(audience_of("tnt_1")), json!([audience_of("tnt_1"), "https://elsewhere.example"])] {
            let expected = Claimed { issuer: iss.to_owned(), tenant_id: "tnt_1".to_owned() };
            assert_eq!(claimed(&token(&json!({ "iss": iss, "aud": aud }))), Some(expected));
        }
    }

    #[test]
    fn what_names_no_issuer_or_not_one_tenant_is_nobodys() {
        let iss = "https://id.example.com";
        let good = token(&json!({ "iss": iss, "aud": audience_of("tnt_1") }));
        let long = format!("{good}{}", "A".repeat(LONGEST));
        for wrong in [
            "",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "e30.e30.e30",
            long.as_str(),
            &token(&json!({ "iss": iss })),
            &token(&json!({ "iss": iss, "aud": iss })),
            &token(&json!({ "iss": iss, "aud": [audience_of("tnt_1"), audience_of("tnt_2")] })),
            &token(&json!({ "iss": iss, "aud": [audience_of("tnt_1"), 7] })),
            &token(&json!({ "iss": 7, "aud": audience_of("tnt_1") })),
        ] {
            assert_eq!(claimed(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".*") {
            let _claimed = claimed(&text);
        }
    }
}
