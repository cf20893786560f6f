//! `oidc`: an issuer and a client of it.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::{Context, Error};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Invalid, Opened, Place, Secrets, member};
use crate::oidc::{ClientAuthentication, ClientKey, OidcConfig, OidcProvider, SignatureAlgorithm};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    issuer: String,
    client_id: String,
    /// As in the client's registration; by default `client_secret_basic` with a secret and `none` without.
    token_endpoint_auth_method: Option<Method>,
    /// Of a `private_key_jwt` client: how its key signs, as in `ES256`.
    signing_algorithm: Option<String>,
    /// Of a `private_key_jwt` client: the key's name in its registration.
    key_id: Option<String>,
    /// The audience that access tokens must name.
    audience: Option<String>,
    redirect_uri: Option<String>,
    /// Accept access tokens whose header does not say that they are some.
    #[serde(default)]
    accept_untyped_access_tokens: bool,
}

/// OpenID Connect Core section 9.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

pub(super) struct Recipe {
    issuer: String,
    config: OidcConfig,
}

impl Recipe {
    pub(super) fn new(settings: &Map<String, Value>, secrets: &Secrets) -> Result<Self, Invalid> {
        let settings: Settings = member::settings(settings)?;
        let authentication = authentication(&settings, secrets)?;
        let mut config = OidcConfig::new(&settings.issuer, &settings.client_id, authentication);
        if let Some(audience) = settings.audience {
            config = config.access_token_audience(audience);
        }
        if let Some(uri) = settings.redirect_uri {
            config = config.redirect_uri(uri);
        }
        if settings.accept_untyped_access_tokens {
            config = config.accept_untyped_access_tokens();
        }
        OidcProvider::new(config.clone()).map_err(|error| member::refused(&error))?;
        Ok(Self { issuer: settings.issuer, config })
    }
}

fn authentication(settings: &Settings, secrets: &Secrets) -> Result<ClientAuthentication, Invalid> {
    let secret = || member::required(secrets, "client_secret").cloned();
    let by_default = match secrets.contains_key("client_secret") {
        true => Method::ClientSecretBasic,
        false => Method::None,
    };
    Ok(match settings.token_endpoint_auth_method.unwrap_or(by_default) {
        Method::None => {
            member::only(secrets, &[])?;
            ClientAuthentication::Public
        }
        Method::ClientSecretBasic => ClientAuthentication::SecretBasic(secret()?),
        Method::ClientSecretPost => ClientAuthentication::SecretPost(secret()?),
        Method::PrivateKeyJwt => {
            let algorithm = settings.signing_algorithm.as_deref().unwrap_or("ES256");
            let known = SignatureAlgorithm::ALL.iter().find(|known| known.as_str() == algorithm);
            let algorithm = *known.ok_or_else(|| {
                Invalid::new(
                    "settings.signing_algorithm",
                    format!("{algorithm:?} is not an algorithm of this adapter"),
                )
            })?;
            let key = ClientKey::from_pem(member::required(secrets, "private_key")?, algorithm)
                .map_err(|error| Invalid::new("secrets.private_key", error.message()))?;
            ClientAuthentication::PrivateKeyJwt(match &settings.key_id {
                Some(id) => key.kid(id),
                None => key,
            })
        }
    })
}

#[async_trait]
impl super::Recipe for Recipe {
    fn origins(&self) -> Vec<String> {
        vec![self.issuer.clone()]
    }

    async fn open(&self, ctx: &Context, place: &Place) -> Result<Opened, Error> {
        let config = self.config.clone().region(&place.region);
        Ok(Opened::Identity(Arc::new(OidcProvider::connect(ctx, config).await?)))
    }
}
