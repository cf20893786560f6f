//! Verifying a token: signature first, then what it says.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_adapter_traits::identity::{Claims, TokenKind, VerifyOptions};
use companyos_adapter_traits::{Context, Error, Secret, TokenFault};
use serde_json::{Map, Value};

use super::OidcProvider;
use super::jws::Jws;
use super::keys::{Keys, Verdict};

/// No type at all, or the one of any JWT.
const ANY_JWT: [Option<&str>; 2] = [None, Some("jwt")];
/// RFC 9068 section 4.
const ACCESS_TOKEN: [Option<&str>; 1] = [Some("at+jwt")];
const ANY_ACCESS_TOKEN: [Option<&str>; 3] = [None, Some("jwt"), Some("at+jwt")];

impl OidcProvider {
    pub(super) async fn verify(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error> {
        let config = &self.shared.config;
        ctx.check_deadline(config.clock.now())?;
        let (types, audience) = match options.kind {
            TokenKind::Id => (&ANY_JWT[..], Some(config.client_id.as_str())),
            _ if config.untyped_access_tokens => (&ANY_ACCESS_TOKEN[..], config.audience.as_deref()),
            _ => (&ACCESS_TOKEN[..], config.audience.as_deref()),
        };
        let token = Jws::parse(token.expose(), &config.algorithms, types)?;
        let keys = self.signed_by(ctx, &token).await?;
        let claims = Claims::from_json(members(&token)?)?;
        options.check(
            &claims,
            &config.issuer,
            &config.client_id,
            audience,
            config.clock.wall(),
            config.tolerance,
        )?;
        if options.kind == TokenKind::Id {
            self.check_id_token(&claims)?;
            check_access_token(&claims, &token, &keys, options.access_token.as_ref())?;
        }
        Ok(claims)
    }

    /// Verifies the signature of anything the issuer signs, and returns what it signed.
    pub(super) async fn signed_members(
        &self,
        ctx: &Context,
        token: &str,
    ) -> Result<Map<String, Value>, Error> {
        let token = Jws::parse(token, &self.shared.config.algorithms, &ANY_JWT)?;
        self.signed_by(ctx, &token).await?;
        members(&token)
    }

    /// The keys by which the signature is good.
    async fn signed_by(&self, ctx: &Context, token: &Jws<'_>) -> Result<Arc<Keys>, Error> {
        let issuer = &self.shared.issuer;
        let mut held = issuer.keys(ctx).await?;
        let mut verdict = held.value.verify(token);
        if verdict == Verdict::NoKey {
            held = issuer.newer_keys(ctx, &held).await?;
            verdict = held.value.verify(token);
        }
        match verdict {
            Verdict::Good => Ok(held.value),
            Verdict::Bad => Err(Error::token(TokenFault::BadSignature, "the token's signature is not good")),
            Verdict::NoKey => {
                Err(Error::token(TokenFault::UnknownKey, "the issuer publishes no key that signed the token"))
            }
        }
    }

    /// What OpenID Connect Core section 3.1.3.7 asks beyond the rules for every token.
    fn check_id_token(&self, claims: &Claims) -> Result<(), Error> {
        let config = &self.shared.config;
        let known = |one: &String| *one == config.client_id || config.trusted_audiences.contains(one);
        if !claims.aud.iter().all(known) {
            let why = "the ID token is for an audience beside us that is not trusted";
            return Err(Error::token(TokenFault::WrongAudience, why));
        }
        if claims.iat.is_none() {
            return Err(Error::token(TokenFault::Malformed, "the claim iat is missing"));
        }
        Ok(())
    }
}

fn members(token: &Jws<'_>) -> Result<Map<String, Value>, Error> {
    serde_json::from_slice(&token.payload)
        .map_err(|_| Error::token(TokenFault::Malformed, "the token's claims cannot be read"))
}

/// Section 3.1.3.6: `at_hash` is the left half of the access token's hash.
fn check_access_token(
    claims: &Claims,
    token: &Jws<'_>,
    keys: &Keys,
    access_token: Option<&Secret>,
) -> Result<(), Error> {
    let (Some(stated), Some(access_token)) = (&claims.at_hash, access_token) else { return Ok(()) };
    let hash = keys.half_hash(token, access_token.expose());
    if hash.is_some_and(|hash| URL_SAFE_NO_PAD.encode(hash) == *stated) {
        return Ok(());
    }
    Err(Error::token(TokenFault::WrongAccessToken, "the ID token came with another access token"))
}
