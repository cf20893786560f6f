//! What the provider has issued.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Config, User};
use crate::identity::{Claims, TokenKind, TokenSet, pkce};
use crate::{Error, Secret, TokenFault};

/// The `alg` of this provider's tokens. Their signature is a random tag that the provider remembers, so nothing that
/// checks signatures can mistake them for real ones.
const ALGORITHM: &str = "memory";

#[derive(Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, User>,
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) refreshes: BTreeMap<String, Refresh>,
    pub(super) devices: BTreeMap<String, Device>,
    pub(super) keys_down: bool,
    tokens: BTreeMap<String, Issued>,
    /// Families and access tokens that were ended before their time.
    ended: BTreeSet<u64>,
    revoked: BTreeSet<String>,
    key: u64,
    drawn: u64,
}

/// What somebody agreed to when they signed in. Tokens that come of one sign-in are a family.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) family: u64,
    pub(super) sub: String,
    pub(super) scopes: Vec<String>,
    pub(super) auth_time: SystemTime,
    pub(super) nonce: Option<String>,
}

pub(super) struct Code {
    pub(super) grant: Grant,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) expires: SystemTime,
    pub(super) used: bool,
}

pub(super) struct Refresh {
    pub(super) grant: Grant,
    pub(super) expires: SystemTime,
    pub(super) used: bool,
}

pub(super) struct Device {
    pub(super) user_code: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires: SystemTime,
    pub(super) polled: Option<SystemTime>,
    pub(super) answer: Answer,
}

#[derive(Clone)]
pub(super) enum Answer {
    None,
    Denied,
    Approved(Grant),
}

struct Issued {
    tag: String,
    kind: TokenKind,
    claims: Claims,
    family: Option<u64>,
}

impl State {
    /// The next secret: 43 characters that cannot be guessed without the seed, and that are the same in every run.
    pub(super) fn draw(&mut self, config: &Config) -> String {
        self.drawn += 1;
        let digest = Sha256::new().chain_update(&config.seed).chain_update(self.drawn.to_be_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(digest.finalize())
    }

    pub(super) fn begin(&mut self, sub: &str, scopes: Vec<String>, now: SystemTime) -> Grant {
        self.drawn += 1;
        Grant { family: self.drawn, sub: sub.to_owned(), scopes, auth_time: now, nonce: None }
    }

    /// Ends everything that came of a sign-in.
    pub(super) fn end(&mut self, family: u64) {
        self.ended.insert(family);
    }

    pub(super) fn has_ended(&self, family: u64) -> bool {
        self.ended.contains(&family)
    }

    pub(super) fn rotate_key(&mut self) {
        self.key += 1;
    }

    /// Signs claims, whatever they say.
    pub(super) fn sign(
        &mut self,
        config: &Config,
        kind: TokenKind,
        claims: Claims,
        family: Option<u64>,
    ) -> Secret {
        let header = json!({ "alg": ALGORITHM, "kid": self.key.to_string() }).to_string();
        let (id, tag) = (self.draw(config), self.draw(config));
        let token = format!("{}.{id}.{tag}", BASE64_URL_SAFE_NO_PAD.encode(header));
        self.tokens.insert(id, Issued { tag, kind, claims, family });
        Secret::new(token)
    }

    /// The claims of a token that this provider signed with its present key.
    pub(super) fn read(&self, token: &Secret, kind: TokenKind) -> Result<&Claims, Error> {
        let malformed = || Error::token(TokenFault::Malformed, "the token is not of the form of a JWT");
        let (header, rest) = token.expose().split_once('.').ok_or_else(malformed)?;
        let (id, tag) = rest.split_once('.').ok_or_else(malformed)?;
        let header = BASE64_URL_SAFE_NO_PAD.decode(header).map_err(|_| malformed())?;
        let header: Value = serde_json::from_slice(&header).map_err(|_| malformed())?;
        if header["alg"] != ALGORITHM {
            return Err(Error::token(TokenFault::AlgorithmRefused, "the token's algorithm is not allowed"));
        }
        let kid = self.key.to_string();
        if header["kid"] != kid {
            return Err(Error::token(TokenFault::UnknownKey, "the token's key is not published"));
        }
        let issued = self.tokens.get(id).filter(|issued| issued.tag == tag);
        let issued = issued
            .ok_or_else(|| Error::token(TokenFault::BadSignature, "the token's signature does not verify"))?;
        if issued.kind != kind {
            let why = format!("the token is not an {} token", kind.as_str());
            return Err(Error::token(TokenFault::Malformed, why));
        }
        Ok(&issued.claims)
    }

    /// The claims of an access token that is good now, as the issuer itself judges it.
    pub(super) fn active(&self, token: &Secret, now: SystemTime) -> Option<&Claims> {
        let claims = self.read(token, TokenKind::Access).ok()?;
        let id = token.expose().split('.').nth(1)?;
        let family = self.tokens.get(id)?.family;
        let ended = family.is_some_and(|family| self.has_ended(family)) || self.revoked.contains(id);
        (!ended && now < claims.exp).then_some(claims)
    }

    /// Ends an access token, or the family of a refresh token.
    pub(super) fn revoke(&mut self, token: &Secret) {
        if let Some(refresh) = self.refreshes.get(token.expose()) {
            let family = refresh.grant.family;
            self.end(family);
        } else if let Some(id) = token.expose().split('.').nth(1) {
            self.revoked.insert(id.to_owned());
        }
    }

    /// New tokens for what was agreed to, `scopes` of it.
    pub(super) fn issue(
        &mut self,
        config: &Config,
        grant: &Grant,
        scopes: &[String],
        now: SystemTime,
    ) -> TokenSet {
        let family = Some(grant.family);
        let mut access = self.claims(config, grant, &config.audience, now);
        access.scope = scopes.to_vec();
        access.client_id = Some(config.client_id.clone());
        let mut tokens = TokenSet::bearer(self.sign(config, TokenKind::Access, access, family));
        tokens.expires_in = Some(super::TOKEN_LIFETIME);
        tokens.scope = scopes.to_vec();
        if scopes.iter().any(|scope| scope == "openid") {
            let mut id = self.claims(config, grant, &config.client_id, now);
            id.azp = Some(config.client_id.clone());
            id.nonce.clone_from(&grant.nonce);
            id.at_hash = Some(pkce::at_hash_sha256(&tokens.access_token));
            id.sid = Some(grant.family.to_string());
            if let Some(user) = self.users.get(&grant.sub) {
                id.extra = user.claims.clone();
            }
            tokens.id_token = Some(self.sign(config, TokenKind::Id, id, family));
        }
        tokens
    }

    fn claims(&mut self, config: &Config, grant: &Grant, audience: &str, now: SystemTime) -> Claims {
        let audience = [audience.to_owned()];
        let mut claims = Claims::new(&config.issuer, &grant.sub, audience, now + super::TOKEN_LIFETIME);
        claims.iat = Some(now);
        claims.auth_time = Some(grant.auth_time);
        claims.jti = Some(self.draw(config));
        if let Some(user) = self.users.get(&grant.sub) {
            claims.acr.clone_from(&user.acr);
            claims.amr.clone_from(&user.amr);
        }
        claims
    }

    /// A new refresh token for what was agreed to.
    pub(super) fn refreshable(
        &mut self,
        config: &Config,
        grant: &Grant,
        now: SystemTime,
        lifetime: Duration,
    ) -> Secret {
        let token = self.draw(config);
        let refresh = Refresh { grant: grant.clone(), expires: now + lifetime, used: false };
        self.refreshes.insert(token.clone(), refresh);
        Secret::new(token)
    }
}
