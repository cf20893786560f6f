//! How the client shows the issuer who it is.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use companyos_adapter_traits::{Error, Secret};
use url::form_urlencoded;

use super::ClientKey;
use super::form::Form;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How the client shows the issuer who it is (OpenID Connect Core section 9).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// Not at all: a client that cannot keep a secret. PKCE protects its codes.
    Public,
    /// `client_secret_basic`: a secret in the `Authorization` header.
    SecretBasic(Secret),
    /// `client_secret_post`: a secret in the form.
    SecretPost(Secret),
    /// `private_key_jwt`: a signature over a statement that is good for this issuer, once, for a minute.
    PrivateKeyJwt(ClientKey),
}

impl ClientAuthentication {
    /// Adds to a request what identifies the client: members of the form, or a header.
    pub(super) fn apply(
        &self,
        client_id: &str,
        audience: &str,
        now: SystemTime,
        form: &mut Form,
    ) -> Result<(), Error> {
        match self {
            Self::Public => form.add("client_id", client_id),
            Self::SecretPost(secret) => {
                form.add("client_id", client_id);
                form.add("client_secret", secret.expose());
            }
            Self::SecretBasic(secret) => {
                // RFC 6749 section 2.3.1: both are form-encoded before they become a user name and a password.
                let encode =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encode(client_id), encode(secret.expose()));
                form.authorize("Basic", &STANDARD.encode(pair))?;
            }
            Self::PrivateKeyJwt(key) => {
                form.add("client_id", client_id);
                form.add("client_assertion_type", ASSERTION);
                form.add("client_assertion", key.assert(client_id, audience, now)?.expose());
            }
        }
        Ok(())
    }

    /// Whether the issuer judges the credentials by its clock.
    pub(super) fn tells_the_time(&self) -> bool {
        matches!(self, Self::PrivateKeyJwt(_))
    }

    pub(super) fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }
}
