use std::borrow::Cow;
use std::fmt;

use super::VERSION;
use crate::b64::DIGEST_TEXT;
use crate::error::Kind;
use crate::json::{Json, Object};
use crate::verify::{Check, Failure};
use crate::{Error, json};

/// Whether a receipt was left before an effect outside the database or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before: the effect is about to be tried.
    Intent,
    /// After, or together with the effect.
    Outcome,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Policy allowed it; the effect is still to come.
    Allow,
    /// Policy refused it.
    Deny,
    /// It was done.
    Ok,
    /// It was tried and had no effect.
    Error,
    /// Nobody knows; an intent was never closed.
    Unknown,
}

macro_rules! text_enum {
    ($name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $name {
            /// The value of the claim.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads the value of the claim.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

text_enum!(Phase { Intent = "intent", Outcome = "outcome" });
text_enum!(Outcome { Allow = "allow", Deny = "deny", Ok = "ok", Error = "error", Unknown = "unknown" });

/// The clear claims of a receipt: small, never personal, never redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The issuer: the region's base URL.
    pub iss: String,
    /// The receipt's id.
    pub jti: String,
    /// When it was issued, in seconds since 1970 (RFC 7519 `NumericDate`).
    pub iat: i64,
    /// The region in which the action happened.
    pub region: String,
    /// The tenant's log id, which says nothing of the tenant.
    pub tenant: String,
    /// The action, `noun.verb` from the register of actions.
    pub act: String,
    /// Before or after the effect.
    pub phase: Phase,
    /// What happened.
    pub out: Outcome,
    /// For an outcome, the `jti` of its intent if it had one (`ref`).
    pub reference: Option<String>,
    /// Digest of the policy that decided.
    pub pol: String,
}

/// A rule that a claim breaks.
type Broken = (&'static str, &'static str);

impl Claims {
    /// The rules that hold for what is issued and for what is accepted alike.
    fn broken(&self) -> Option<Broken> {
        let is_slug = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let is_token = |text: &str| {
            !text.is_empty() && text.bytes().fold(true, |so_far, b| so_far & b.is_ascii_graphic())
        };
        let is_action = |text: &str| {
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
        };
        let is_url = |text: &str| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            host.is_some_and(|host| is_token(host) && !host.contains('+'))
        };
        let rules = [
            (is_url(&self.iss), "iss", "is not an http or https URL"),
            (is_token(&self.jti), "jti", "is empty or has a character that is not visible ASCII"),
            ((0..=json::MAX_INTEGER as i64).contains(&self.iat), "iat", "is not a time since 1970"),
            (is_slug(&self.region), "region", "is not a name of letters, digits, `-`, `_` and `.`"),
            (is_slug(&self.tenant), "tenant", "is not a name of letters, digits, `-`, `_` and `.`"),
            (is_action(&self.act), "act", "is not `noun.verb` in lower case"),
            (
                self.reference.as_deref().is_none_or(is_token),
                "ref",
                "is empty or has a character that is not visible ASCII",
            ),
            (is_token(&self.pol), "pol", "is empty or has a character that is not visible ASCII"),
        ];
        rules.into_iter().find(|(holds, ..)| !holds).map(|(_, name, problem)| (name, problem))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match self.broken() {
            None => Ok(()),
            Some((name, problem)) => Err(Kind::Claim { name, problem }.into()),
        }
    }

    /// Takes the clear claims out of a verified payload, from which `_sd` and `_sd_alg` were taken already.
    pub(crate) fn take(payload: &mut Object<'_>) -> Result<Self, Failure> {
        let fail = |name: &str, problem: &str| Failure::new(Check::Claims, format!("`{name}` {problem}"));
        if payload.take("v").and_then(|v| v.as_integer()) != Some(VERSION) {
            return Err(fail("v", "is not the version of claims that this verifier knows"));
        }
        let mut text = |name: &str| match payload.take(name) {
            Some(Json::String(text)) => Ok(Some(text)),
            None => Ok(None),
            Some(_) => Err(fail(name, "is not a string")),
        };
        let mut required = |name: &str| text(name)?.ok_or_else(|| fail(name, "is missing"));
        let mut owned = |name: &str| required(name).map(Cow::into_owned);
        let (iss, jti, region) = (owned("iss")?, owned("jti")?, owned("region")?);
        let (tenant, act, pol) = (owned("tenant")?, owned("act")?, owned("pol")?);
        let phase = Phase::parse(&required("phase")?).ok_or_else(|| fail("phase", "is not a known phase"))?;
        let out = Outcome::parse(&required("out")?).ok_or_else(|| fail("out", "is not a known outcome"))?;
        let reference = text("ref")?.map(Cow::into_owned);
        let iat = payload.take("iat").and_then(|iat| iat.as_integer());
        let iat = iat.ok_or_else(|| fail("iat", "is missing or not an integer"))?;
        if let Some(name) = payload.names().next() {
            return Err(fail(name, "is not a claim of this version"));
        }
        let claims = Self { iss, jti, iat, region, tenant, act, phase, out, reference, pol };
        claims.broken().map_or(Ok(()), |(name, problem)| Err(fail(name, problem)))?;
        Ok(claims)
    }

    /// The origin of the log that the receipt belongs to.
    #[must_use]
    pub fn origin(&self) -> String {
        crate::checkpoint::origin(&self.iss, &self.region, &self.tenant)
    }

    /// Writes the payload, members in lexical order.
    pub(super) fn write_payload(&self, digests: &[[u8; DIGEST_TEXT]], out: &mut Vec<u8>) {
        let member = |out: &mut Vec<u8>, name: &str, text: &str| {
            out.extend_from_slice(name.as_bytes());
            json::write_str(out, text);
        };
        let word = |out: &mut Vec<u8>, name: &str, word: &'static str| {
            out.extend_from_slice(name.as_bytes());
            out.push(b'"');
            out.extend_from_slice(word.as_bytes());
            out.push(b'"');
        };
        out.extend_from_slice(b"{");
        if !digests.is_empty() {
            out.extend_from_slice(br#""_sd":["#);
            for (i, digest) in digests.iter().enumerate() {
                out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
                out.extend_from_slice(digest);
                out.push(b'"');
            }
            out.extend_from_slice(b"],");
        }
        out.extend_from_slice(br#""_sd_alg":"sha-256""#);
        member(out, r#","act":"#, &self.act);
        out.extend_from_slice(br#","iat":"#);
        json::write_integer(out, self.iat);
        member(out, r#","iss":"#, &self.iss);
        member(out, r#","jti":"#, &self.jti);
        word(out, r#","out":"#, self.out.as_str());
        word(out, r#","phase":"#, self.phase.as_str());
        member(out, r#","pol":"#, &self.pol);
        if let Some(reference) = &self.reference {
            member(out, r#","ref":"#, reference);
        }
        member(out, r#","region":"#, &self.region);
        member(out, r#","tenant":"#, &self.tenant);
        out.extend_from_slice(br#","v":"#);
        json::write_integer(out, VERSION);
        out.push(b'}');
    }
}
