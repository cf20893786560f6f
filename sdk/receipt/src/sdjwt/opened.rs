use std::borrow::Cow;
use std::cmp::Ordering;

use super::{CONTROL_MEMBERS, Disclosure, SdJwt};
use crate::b64;
use crate::json::{Json, Map, Object, Value};
use crate::key::KeySet;
use crate::receipt::{Claims, TYP};
use crate::sha256::Hasher;
use crate::verify::{Check, Failure};

/// What an SD-JWT says.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The clear claims.
    pub claims: Claims,
    /// The disclosed members.
    pub disclosed: Map<String, Value>,
    /// How many digests have no disclosure here: withheld members and decoys, which nobody can tell apart.
    pub undisclosed: usize,
    /// The `kid` of the key that signed.
    pub key_id: String,
}

impl Opened {
    pub(super) fn verify(sd_jwt: &SdJwt<'_>, keys: &KeySet) -> Result<Self, Failure> {
        let parts = Parts::of(sd_jwt)?;
        let key_id = parts.key_id()?;
        let key = keys.trusted(&key_id).ok_or_else(|| {
            Failure::new(Check::UnknownKey, format!("no trusted key has the id `{key_id}`"))
        })?;
        let signature = b64::url_decode_array(parts.signature).ok_or_else(|| {
            Failure::new(Check::SdJwtSignature, "it is not canonical base64url of 64 bytes")
        })?;
        if !key.verifies(parts.signed.as_bytes(), &signature) {
            return Err(Failure::new(
                Check::SdJwtSignature,
                format!("it does not verify under key `{key_id}`"),
            ));
        }
        // Only now is the payload anybody's word.
        parts.open(sd_jwt.disclosures(), key_id)
    }

    pub(super) fn unverified(sd_jwt: &SdJwt<'_>) -> Result<Self, Failure> {
        let parts = Parts::of(sd_jwt)?;
        let key_id = parts.key_id()?;
        parts.open(sd_jwt.disclosures(), key_id)
    }
}

struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(sd_jwt: &SdJwt<'a>) -> Result<Self, Failure> {
        let split = sd_jwt.jwt().rsplit_once('.').and_then(|(signed, signature)| {
            let (header, payload) = signed.split_once('.')?;
            Some(Self { signed, header, payload, signature })
        });
        split.ok_or_else(|| Failure::new(Check::SdJwtFormat, "the JWT does not have three parts"))
    }

    /// Checks the JOSE header and returns its `kid`. Exactly `alg`, `kid` and `typ` may stand there: a verifier must
    /// not ignore `crit`, and must not follow `jwk`, `jku` or `x5u`.
    fn key_id(&self) -> Result<String, Failure> {
        let malformed = |detail: String| Failure::new(Check::SdJwtHeader, detail);
        let mut buffer = Vec::new();
        let text = b64::url_decode_text(self.header, &mut buffer);
        let text = text.ok_or_else(|| malformed("it is not canonical base64url of UTF-8".into()))?;
        let mut header = Json::parse_object(text).map_err(|e| malformed(e.to_string()))?;
        match header.take("alg") {
            Some(Json::String(alg)) if alg == "Ed25519" || alg == "EdDSA" => {}
            Some(Json::String(alg)) => {
                return Err(Failure::new(Check::SdJwtAlgorithm, format!("it is `{alg}`")));
            }
            _ => return Err(Failure::new(Check::SdJwtAlgorithm, "it is missing or not a string")),
        }
        match header.take("typ") {
            Some(Json::String(typ)) if typ == TYP => {}
            Some(Json::String(typ)) => return Err(Failure::new(Check::SdJwtType, format!("it is `{typ}`"))),
            _ => return Err(Failure::new(Check::SdJwtType, "it is missing or not a string")),
        }
        let Some(Json::String(key_id)) = header.take("kid") else {
            return Err(malformed("`kid` is missing or not a string".into()));
        };
        match header.names().next() {
            Some(name) => Err(malformed(format!("`{name}` is not a header parameter of receipts"))),
            None => Ok(key_id.into_owned()),
        }
    }

    fn open(&self, disclosures: &[&str], key_id: String) -> Result<Opened, Failure> {
        let malformed = |detail: String| Failure::new(Check::SdJwtPayload, detail);
        let mut buffer = Vec::new();
        let text = b64::url_decode_text(self.payload, &mut buffer);
        let text = text.ok_or_else(|| malformed("it is not canonical base64url of UTF-8".into()))?;
        let mut payload = Json::parse_object(text).map_err(|e| malformed(e.to_string()))?;
        let digests = take_digests(&mut payload)?;
        let claims = Claims::take(&mut payload)?;
        let disclosed = match_disclosures(&digests, disclosures)?;
        Ok(Opened { claims, undisclosed: digests.len() - disclosed.len(), disclosed, key_id })
    }
}

/// Takes `_sd_alg` and `_sd` out of the payload and checks the digests.
fn take_digests<'a>(payload: &mut Object<'a>) -> Result<Vec<Cow<'a, str>>, Failure> {
    // RFC 9901 lets the default be left out; receipts always say it.
    if payload.take("_sd_alg").as_ref().and_then(Json::as_str) != Some("sha-256") {
        return Err(Failure::new(Check::SdHashAlgorithm, "`_sd_alg` is not `sha-256`"));
    }
    let malformed = |detail| Failure::new(Check::SdDigests, detail);
    let mut digests = Vec::new();
    match payload.take("_sd") {
        None => {}
        Some(Json::Array(items)) if !items.is_empty() => {
            digests.reserve_exact(items.len());
            for item in items {
                match item {
                    Json::String(text) if b64::url_decode_array::<32>(&text).is_some() => digests.push(text),
                    _ => return Err(malformed("an item of `_sd` is not canonical base64url of 32 bytes")),
                }
            }
        }
        Some(_) => return Err(malformed("`_sd` is not an array with items")),
    }
    for pair in digests.windows(2) {
        match pair[0].cmp(&pair[1]) {
            Ordering::Less => {}
            Ordering::Equal => {
                return Err(Failure::new(
                    Check::DigestDuplicate,
                    format!("`{}` stands twice in `_sd`", pair[0]),
                ));
            }
            Ordering::Greater => return Err(malformed("`_sd` is not sorted")),
        }
    }
    if payload.values().any(|value| value.mentions(&CONTROL_MEMBERS)) || payload.get("...").is_some() {
        return Err(Failure::new(
            Check::SdMisplaced,
            "`_sd` or `...` stands elsewhere than at the top of the payload",
        ));
    }
    Ok(digests)
}

/// Finds the digest of every disclosure, each once.
fn match_disclosures(digests: &[Cow<'_, str>], disclosures: &[&str]) -> Result<Map<String, Value>, Failure> {
    let mut used = vec![false; digests.len()];
    let (mut buffer, mut hasher) = (Vec::new(), Hasher::new());
    let mut disclosed = Map::new();
    for text in disclosures {
        let digest = Disclosure::digest_with(text, &mut hasher);
        // The digest is looked up first: what does not belong to the receipt is not even read.
        let Ok(at) = digests.binary_search_by(|probe| probe.as_bytes().cmp(&digest)) else {
            let detail = format!("digest `{}` is not in `_sd`", String::from_utf8_lossy(&digest));
            return Err(Failure::new(Check::DisclosureUnreferenced, detail));
        };
        let disclosure = Disclosure::parse_with(text, &mut buffer)?;
        if std::mem::replace(&mut used[at], true) {
            return Err(Failure::new(
                Check::DisclosureDuplicate,
                format!("`{}` is disclosed twice", disclosure.name),
            ));
        }
        if disclosed.contains_key(&disclosure.name) {
            let detail = format!("two different disclosures are named `{}`", disclosure.name);
            return Err(Failure::new(Check::ClaimCollision, detail));
        }
        disclosed.insert(disclosure.name, disclosure.value);
    }
    Ok(disclosed)
}
