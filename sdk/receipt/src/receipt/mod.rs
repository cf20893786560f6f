//! What a receipt says, and how one is issued.

mod claims;
mod issue;
mod private;
mod salt;

pub use claims::{Claims, Outcome, Phase};
pub use issue::{Issued, issue};
pub use private::Private;
pub use salt::SaltKey;

/// The JOSE `typ` of a receipt.
pub const TYP: &str = "receipt+sd-jwt";

/// Version of the claims' meaning, the clear claim `v`.
pub const VERSION: i64 = 1;

/// `_sd` is padded with decoys to a multiple of this, so that its length says little about how much is hidden.
///
/// Fewer decoys than this stand in a receipt: a presentation with at least as many undisclosed digests withholds
/// something for certain.
pub const DIGEST_MULTIPLE: usize = 4;

/// The claims that are always clear, in the order in which they are written (lexical).
pub(crate) const CLEAR_CLAIMS: [&str; 13] =
    ["_sd", "_sd_alg", "act", "iat", "iss", "jti", "out", "phase", "pol", "ref", "region", "tenant", "v"];

/// Names that no disclosure may have: the clear claims, RFC 9901's own members, and the registered claims that would
/// change what a JWT library thinks of a receipt (RFC 9901 section 9.7 lists them as never to be hidden).
pub(crate) fn is_reserved(name: &str) -> bool {
    CLEAR_CLAIMS.contains(&name)
        || matches!(name, "..." | "aud" | "cnf" | "exp" | "nbf" | "status" | "sub" | "vct")
}
