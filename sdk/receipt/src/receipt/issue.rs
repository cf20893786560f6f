use super::{Claims, DIGEST_MULTIPLE, Private, SaltKey, TYP};
use crate::key::Signer;
use crate::sha256::Hasher;
use crate::tlog::{Hash, receipt_leaf_hash};
use crate::{Error, b64, json};

/// Bytes of a JWT that few receipts exceed, digests aside.
const JWT_CAPACITY: usize = 1024;

/// Bytes that a digest takes in a JWT: 43 characters, quotes and a comma, in base64url.
const DIGEST_CAPACITY: usize = 62;

/// A signed receipt with all of its disclosures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The issuer-signed JWT, which is what the log commits to.
    pub jwt: String,
    /// The disclosures, base64url, sorted by the names of their members.
    pub disclosures: Vec<String>,
}

impl Issued {
    /// The SD-JWT with every disclosure.
    #[must_use]
    pub fn sd_jwt(&self) -> String {
        let len = self.disclosures.iter().map(|d| d.len() + 1).sum::<usize>();
        let mut text = String::with_capacity(self.jwt.len() + 1 + len);
        text.push_str(&self.jwt);
        text.push('~');
        for disclosure in &self.disclosures {
            text.push_str(disclosure);
            text.push('~');
        }
        text
    }

    /// The hash to append to the log.
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        receipt_leaf_hash(&self.jwt)
    }
}

/// Issues a receipt: salts and hashes the private members, and signs the clear claims with the digests.
///
/// Deterministic: the same arguments give the same bytes.
///
/// # Errors
///
/// When a claim breaks its rule, a private member has a reserved name or a number that is not an integer, or the signer
/// refuses. What this returns always verifies under the signer's key.
pub fn issue(
    claims: &Claims,
    private: &Private,
    salts: &SaltKey,
    signer: &dyn Signer,
) -> Result<Issued, Error> {
    claims.check()?;
    private.check()?;

    let mut disclosures = Vec::with_capacity(private.iter().len());
    let mut digests = Vec::with_capacity(private.iter().len().next_multiple_of(DIGEST_MULTIPLE));
    let mut text = Vec::with_capacity(1024);
    let secrets = salts.of_receipt(&claims.jti, private.iter().map(|(name, _)| name.as_str()));
    for ((name, value), salt) in private.iter().zip(secrets.salts()) {
        text.clear();
        text.extend_from_slice(b"[\"");
        b64::url_into(salt, &mut text);
        text.extend_from_slice(b"\",\"");
        // The setters' own names, none of which needs an escape.
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b"\",");
        json::write(&mut text, value);
        text.push(b']');
        disclosures.push(b64::url(&text));
    }
    // After the encoding, so that one hash can begin while the one before it ends.
    let mut hasher = Hasher::new();
    digests.extend(disclosures.iter().map(|text: &String| b64::url_digest(&hasher.digest(text.as_bytes()))));
    digests.extend(secrets.decoys().iter().map(b64::url_digest));
    // Sorted, so that the order says nothing about which member a digest stands for.
    digests.sort_unstable();

    let mut jwt = Vec::with_capacity(JWT_CAPACITY + DIGEST_CAPACITY * digests.len());
    text.clear();
    write_header(signer.key_id(), &mut text);
    b64::url_into(&text, &mut jwt);
    jwt.push(b'.');
    text.clear();
    claims.write_payload(&digests, &mut text);
    b64::url_into(&text, &mut jwt);
    let signature = signer.sign(&jwt)?;
    jwt.push(b'.');
    b64::url_into(&signature, &mut jwt);
    Ok(Issued { jwt: b64::text_of(jwt), disclosures })
}

fn write_header(key_id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"alg":"Ed25519","kid":"#);
    json::write_str(out, key_id);
    out.extend_from_slice(br#","typ":"#);
    json::write_str(out, TYP);
    out.push(b'}');
}
