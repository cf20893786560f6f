//! A signed token in compact form (RFC 7515 section 7.1), taken apart but not believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::SignatureAlgorithm;

/// The longest token that is looked at, in bytes. Header fields of HTTP servers end below it.
const LONGEST: usize = 64 * 1024;

/// Why text is not a token whose signature can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    /// Not three parts of base64url, or the header is not what it must be.
    Malformed(&'static str),
    /// An algorithm that is not known here, or not allowed.
    Algorithm,
    /// Meant for something else.
    Type,
}

/// The parts of a token. Borrowed from its text; the header has been read, the payload has not.
pub(super) struct Jws<'a> {
    pub(super) algorithm: SignatureAlgorithm,
    header: Header,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    cty: Option<Value>,
    crit: Option<Value>,
    b64: Option<Value>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart and checks its header: one of the `allowed` algorithms, one of the media types in `types`
    /// (without `application/`, in lower case; `None` among them stands for no type at all), and no extension that
    /// would have to be understood.
    pub(super) fn parse(
        token: &'a str,
        allowed: &[SignatureAlgorithm],
        types: &[Option<&str>],
    ) -> Result<Self, Defect> {
        if token.len() > LONGEST {
            return Err(Defect::Malformed("it is too long"));
        }
        let not_compact = Defect::Malformed("it is not a signed token in compact form");
        let (signed, signature) = token.rsplit_once('.').ok_or(not_compact)?;
        let (header, payload) = signed.split_once('.').ok_or(not_compact)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| not_compact);
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header =
            serde_json::from_slice(&header).map_err(|_| Defect::Malformed("its header cannot be read"))?;
        let algorithm = SignatureAlgorithm::from_name(&header.alg)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or(Defect::Algorithm)?;
        let kind = header.typ.as_deref().map(media_type);
        if !types.contains(&kind.as_deref()) {
            return Err(Defect::Type);
        }
        // RFC 7515 section 4.1.11: what is critical and not understood makes the token invalid. RFC 7797 (`b64`)
        // changes what is signed, and a content type means that there is another token within.
        if header.crit.is_some() || header.b64.is_some() || header.cty.is_some() {
            return Err(Defect::Malformed("its header has an extension that is not understood"));
        }
        Ok(Self { algorithm, header, signed: signed.as_bytes(), signature, payload })
    }

    /// The key that is said to have signed it.
    pub(super) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }
}

/// RFC 7515 section 4.1.9: the type is a media type whose `application/` may be left out, in any case.
fn media_type(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    text.strip_prefix("application/").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode("{}"), encode("signature"))
    }

    fn parse(header: &str) -> Result<(), Defect> {
        let types = [None, Some("jwt")];
        Jws::parse(&token(header), &[SignatureAlgorithm::Es256], &types).map(drop)
    }

    #[test]
    fn the_header_decides_whether_a_token_is_looked_at() {
        for header in [
            r#"{"alg":"ES256"}"#,
            r#"{"alg":"ES256","typ":"JWT","kid":"a"}"#,
            r#"{"alg":"ES256","typ":"application/jwt","x5t":"unknown members are ignored"}"#,
        ] {
            assert_eq!(parse(header), Ok(()), "{header}");
        }
        for algorithm in ["none", "None", "", "HS256", "RS256", "ES512", "es256"] {
            assert_eq!(parse(&format!(r#"{{"alg":"{algorithm}"}}"#)), Err(Defect::Algorithm), "{algorithm}");
        }
        for kind in ["at+jwt", "logout+jwt", "application/at+jwt", ""] {
            let header = format!(r#"{{"alg":"ES256","typ":"{kind}"}}"#);
            assert_eq!(parse(&header), Err(Defect::Type), "{kind}");
        }
        for header in [
            r#"{"alg":"ES256","crit":["exp"]}"#,
            r#"{"alg":"ES256","b64":false}"#,
            r#"{"alg":"ES256","cty":"JWT"}"#,
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"alg":["ES256"]}"#,
            "{}",
            "[]",
            "",
        ] {
            assert!(matches!(parse(header), Err(Defect::Malformed(_))), "{header}");
        }
    }

    #[test]
    fn what_is_not_compact_is_malformed() {
        let good = token(r#"{"alg":"ES256"}"#);
        let long = format!("{good}{}", "A".repeat(LONGEST));
        for text in ["", ".", "..", "...", "a.b", &good[1..], &format!("{good}."), &format!("{good}="), &long]
        {
            let result = Jws::parse(text, &[SignatureAlgorithm::Es256], &[None]);
            assert!(matches!(result, Err(Defect::Malformed(_))), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9._=-]{0,200}|.{0,200}", header in ".{0,80}") {
            for text in [text, token(&header)] {
                let _ = Jws::parse(&text, &SignatureAlgorithm::ALL, &[None, Some("jwt")]);
            }
        }
    }
}
