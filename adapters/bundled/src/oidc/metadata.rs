//! What the issuer publishes about itself (OpenID Connect Discovery 1.0).

use companyos_adapter_traits::identity::IssuerMetadata;
use companyos_adapter_traits::{Error, ErrorKind, Outcome, TokenFault};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, ProviderMetadata};
use serde::{Deserialize, Serialize};
use url::Url;

type Document = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Members that later standards added (RFC 8414, RFC 8628, RP-Initiated Logout).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Additional {
    introspection_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    end_session_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
}

impl AdditionalProviderMetadata for Additional {}

/// The endpoints of an issuer, and what it says about them.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization: Url,
    pub(super) jwks: Url,
    pub(super) token: Option<Url>,
    pub(super) userinfo: Option<Url>,
    pub(super) introspection: Option<Url>,
    pub(super) revocation: Option<Url>,
    pub(super) end_session: Option<Url>,
    pub(super) device: Option<Url>,
    pub(super) public: IssuerMetadata,
}

impl Metadata {
    /// Reads the document that was found at `issuer`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it cannot be read or names an endpoint that is less protected than the issuer;
    /// [`ErrorKind::Token`] when it is of another issuer (section 4.3: otherwise one issuer could speak for another).
    pub(super) fn parse(issuer: &Url, identifier: &str, bytes: &[u8]) -> Result<Self, Error> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|cause| broken("the issuer's metadata cannot be read").with_source(cause))?;
        if document.issuer().as_str() != identifier {
            return Err(Error::token(TokenFault::WrongIssuer, "the metadata are of another issuer"));
        }
        let more = document.additional_metadata();
        let metadata = Self {
            authorization: document.authorization_endpoint().url().clone(),
            jwks: document.jwks_uri().url().clone(),
            token: document.token_endpoint().map(|endpoint| endpoint.url().clone()),
            userinfo: document.userinfo_endpoint().map(|endpoint| endpoint.url().clone()),
            introspection: more.introspection_endpoint.clone(),
            revocation: more.revocation_endpoint.clone(),
            end_session: more.end_session_endpoint.clone(),
            device: more.device_authorization_endpoint.clone(),
            public: published(identifier, &document),
        };
        // An issuer on the own machine may use plain http; no other may send us or a browser there.
        if issuer.scheme() == "https" && metadata.endpoints().any(|endpoint| endpoint.scheme() != "https") {
            return Err(broken("the issuer's metadata name an endpoint that is not https"));
        }
        Ok(metadata)
    }

    fn endpoints(&self) -> impl Iterator<Item = &Url> {
        let optional = [
            &self.token,
            &self.userinfo,
            &self.introspection,
            &self.revocation,
            &self.end_session,
            &self.device,
        ];
        [&self.authorization, &self.jwks].into_iter().chain(optional.into_iter().flatten())
    }
}

fn published(identifier: &str, document: &Document) -> IssuerMetadata {
    let more = document.additional_metadata();
    let text = |url: &Option<Url>| url.as_ref().map(Url::to_string);
    let mut public = IssuerMetadata::new(identifier);
    public.authorization_endpoint = Some(document.authorization_endpoint().to_string());
    public.token_endpoint = document.token_endpoint().map(|endpoint| endpoint.to_string());
    public.jwks_uri = Some(document.jwks_uri().to_string());
    public.userinfo_endpoint = document.userinfo_endpoint().map(|endpoint| endpoint.to_string());
    public.introspection_endpoint = text(&more.introspection_endpoint);
    public.revocation_endpoint = text(&more.revocation_endpoint);
    public.end_session_endpoint = text(&more.end_session_endpoint);
    public.device_authorization_endpoint = text(&more.device_authorization_endpoint);
    public.scopes = names(document.scopes_supported());
    public.grant_types = names(document.grant_types_supported());
    public.id_token_algorithms = names(Some(document.id_token_signing_alg_values_supported()));
    public.code_challenge_methods = more.code_challenge_methods_supported.clone();
    public.acr_values = names(document.acr_values_supported());
    public
}

/// The names of values that the library has turned into types of its own.
fn names<T: Serialize>(values: Option<&Vec<T>>) -> Vec<String> {
    let name = |value: &T| serde_json::to_value(value).ok()?.as_str().map(str::to_owned);
    values.into_iter().flatten().filter_map(name).collect()
}

fn broken(message: &str) -> Error {
    Error::new(ErrorKind::Internal, message).with_outcome(Outcome::Answered)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://issuer.example.test";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://issuer.example.test/auth",
            "token_endpoint": "https://issuer.example.test/token",
            "jwks_uri": "https://issuer.example.test/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "an unknown one"],
            "grant_types_supported": ["authorization_code", "urn:an:extension"],
        })
    }

    fn parse(document: &Value) -> Result<Metadata, Error> {
        Metadata::parse(&Url::parse(ISSUER).unwrap(), ISSUER, document.to_string().as_bytes())
    }

    #[test]
    fn an_https_issuer_publishes_only_https_endpoints() {
        let metadata = parse(&document()).unwrap();
        assert_eq!(metadata.public.grant_types, ["authorization_code", "urn:an:extension"]);
        assert_eq!(metadata.public.id_token_algorithms, ["RS256"]);
        for endpoint in [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "end_session_endpoint",
            "device_authorization_endpoint",
        ] {
            for url in ["http://127.0.0.1/x", "http://issuer.example.test/x", "javascript:alert(1)"] {
                let mut document = document();
                document[endpoint] = json!(url);
                let error = parse(&document).unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::Internal, "{endpoint} {url}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*", member: prop::sample::Index) {
            let _ = Metadata::parse(&Url::parse(ISSUER).unwrap(), ISSUER, &bytes);
            let mut document = document();
            let names: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
            document[member.get(&names).as_str()] = json!(text);
            let _ = parse(&document);
        }
    }
}
