//! Asking the issuer about a person or a token, and ending a token.

use std::time::{Duration, SystemTime};

use companyos_adapter_traits::identity::{Introspection, UserInfo, UserinfoOptions, operations};
use companyos_adapter_traits::{Context, Error, ErrorKind, Secret, TokenFault};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::OidcProvider;
use super::error::unreadable;
use super::form::{self, Form};

impl OidcProvider {
    pub(super) async fn person(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        let metadata = self.shared.issuer.metadata(ctx).await?;
        let endpoint = self.offered(metadata.userinfo.as_ref(), operations::USERINFO)?;
        let accept = "application/json, application/jwt";
        let request = form::get(endpoint, accept, Some(access_token.expose()))?;
        let answer = self.shared.issuer.http.send(ctx, request).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                let why = "the issuer does not accept the access token";
                return Err(Error::token(TokenFault::Inactive, why));
            }
            _ => return Err(self.refused("asking about the person", &answer)),
        }
        let kind =
            answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let what = "the issuer's answer about the person";
        let mut claims = if kind.split(';').next().is_some_and(|kind| kind.trim() == "application/jwt") {
            let token = std::str::from_utf8(answer.body()).map_err(|_| unreadable(what))?;
            let claims = self.signed_members(ctx, token).await?;
            self.check_signed_answer(&claims)?;
            claims
        } else {
            serde_json::from_slice(answer.body()).map_err(|_| unreadable(what))?
        };
        let Some(Value::String(sub)) = claims.remove("sub") else { return Err(unreadable(what)) };
        // OpenID Connect Core section 5.3.4: otherwise somebody's token could be put in another's place.
        if options.subject.as_ref().is_some_and(|expected| *expected != sub) {
            return Err(Error::token(TokenFault::WrongSubject, "the issuer answered about somebody else"));
        }
        Ok(UserInfo::new(sub, claims))
    }

    /// Section 5.3.2: a signed answer says who made it and for whom.
    fn check_signed_answer(&self, claims: &Map<String, Value>) -> Result<(), Error> {
        let config = &self.shared.config;
        let is = |name: &str, expected: &str| match claims.get(name) {
            Some(Value::String(one)) => one == expected,
            Some(Value::Array(items)) => items.iter().any(|item| item == expected),
            _ => false,
        };
        if !is("iss", &config.issuer) {
            return Err(Error::token(TokenFault::WrongIssuer, "the answer is of another issuer"));
        }
        if !is("aud", &config.client_id) {
            return Err(Error::token(TokenFault::WrongAudience, "the answer is for another client"));
        }
        Ok(())
    }

    pub(super) async fn state_of(&self, ctx: &Context, token: &Secret) -> Result<Introspection, Error> {
        let metadata = self.shared.issuer.metadata(ctx).await?;
        let form = Form::new().with("token", token.expose());
        let answer = self.post(ctx, metadata.introspection.as_ref(), form, operations::INTROSPECT).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused("asking about a token", &answer));
        }
        let what = "the issuer's answer about a token";
        let mut members: Map<String, Value> =
            serde_json::from_slice(answer.body()).map_err(|_| unreadable(what))?;
        match members.remove("active") {
            Some(Value::Bool(true)) => introspection(members).ok_or_else(|| unreadable(what)),
            Some(Value::Bool(false)) => Ok(Introspection::inactive()),
            _ => Err(unreadable(what)),
        }
    }

    pub(super) async fn end(&self, ctx: &Context, token: &Secret) -> Result<(), Error> {
        let metadata = self.shared.issuer.metadata(ctx).await?;
        let form = Form::new().with("token", token.expose());
        let answer = self.post(ctx, metadata.revocation.as_ref(), form, operations::REVOKE).await?;
        if answer.status() == StatusCode::OK {
            return Ok(());
        }
        let error = self.refused("revoking a token", &answer);
        // RFC 7009 section 2.2.1: this issuer ends other kinds of tokens only.
        if error.provider_code() == Some("unsupported_token_type") {
            let message = "the issuer does not revoke tokens of this kind";
            return Err(Error::new(ErrorKind::PermissionDenied, message).with_source(error));
        }
        Err(error)
    }
}

/// Reads the members of an active token. `None` when one of them is not of its type.
fn introspection(mut members: Map<String, Value>) -> Option<Introspection> {
    let mut text = |name: &str| match members.remove(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text)),
        Some(_) => None,
    };
    let mut token = Introspection::active();
    token.sub = text("sub")?;
    token.client_id = text("client_id")?;
    token.token_type = text("token_type")?;
    token.scope =
        text("scope")?.iter().flat_map(|scope| scope.split_whitespace()).map(str::to_owned).collect();
    token.aud = match members.remove("aud") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        Some(_) => return None,
    };
    token.exp = match members.remove("exp") {
        None | Some(Value::Null) => None,
        Some(exp) => Some(SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp.as_u64()?))?),
    };
    token.extra = members;
    Some(token)
}
