//! What a browser is sent to.

use companyos_adapter_traits::identity::{
    AuthorizationOptions, AuthorizationRequest, EndSessionOptions, PendingAuthorization, operations,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Secret};
use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge};

use super::OidcProvider;

impl OidcProvider {
    pub(super) async fn begin(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        let config = &self.shared.config;
        let redirect_uri = options.redirect_uri.as_ref().or(config.redirect_uri.as_ref());
        let Some(redirect_uri) = redirect_uri else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "neither the flow nor the adapter has a redirect URI",
            ));
        };
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut pending = PendingAuthorization::new(
            Secret::new(CsrfToken::new_random().into_secret()),
            Secret::new(Nonce::new_random().secret()),
            Secret::new(verifier.into_secret()),
            redirect_uri,
        );
        pending.max_age = options.max_age;

        let mut url = self.shared.issuer.metadata(ctx).await?.authorization.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &with_openid(&options.scopes))
            .append_pair("state", pending.state.expose())
            .append_pair("nonce", pending.nonce.expose())
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", challenge.method().as_str());
        let max_age = options.max_age.map(|age| age.as_secs().to_string());
        let (prompt, acr) = (options.prompt.join(" "), options.acr.join(" "));
        for (name, value) in [
            ("prompt", Some(prompt.as_str())),
            ("login_hint", options.login_hint.as_deref()),
            ("acr_values", Some(acr.as_str())),
            ("max_age", max_age.as_deref()),
            ("resource", config.sent_resource()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, value);
            }
        }
        drop(query);
        Ok(AuthorizationRequest::new(url, pending))
    }

    pub(super) async fn end_session(
        &self,
        ctx: &Context,
        options: &EndSessionOptions,
    ) -> Result<Secret, Error> {
        let metadata = self.shared.issuer.metadata(ctx).await?;
        let mut url = self.offered(metadata.end_session.as_ref(), operations::END_SESSION_URL)?.clone();
        let mut query = url.query_pairs_mut();
        query.append_pair("client_id", &self.shared.config.client_id);
        for (name, value) in [
            ("id_token_hint", options.id_token_hint.as_ref().map(Secret::expose)),
            ("post_logout_redirect_uri", options.post_logout_redirect_uri.as_deref()),
            ("state", options.state.as_ref().map(Secret::expose)),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        drop(query);
        Ok(Secret::new(url))
    }
}

/// The scopes as one parameter, `openid` first: without it, it would be OAuth and bring no ID token.
pub(super) fn with_openid(scopes: &[String]) -> String {
    let others = scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
    std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
}
