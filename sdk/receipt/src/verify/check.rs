use std::fmt;

/// Defines [`Check`] from one line each: variant, stable name, meaning for people.
macro_rules! checks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal: $meaning:literal,)+) => {
        /// One named check of the verifier.
        ///
        /// The name (kebab case, by [`fmt::Display`] or [`Check::name`]) is stable and is what reports carry; the meaning
        /// is a sentence for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Check { $($(#[$doc])* $variant,)+ }

        impl Check {
            /// Every check there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// A sentence that says what it means that this check failed.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

checks! {
    /// The input has none of the known shapes.
    Format = "format": "This is neither a receipt nor an exported range.",
    /// The SD-JWT is not `JWT~disclosure~…~` in ASCII.
    SdJwtFormat = "sd-jwt-format": "The receipt's text is damaged: it does not have the shape of an SD-JWT.",
    /// A key binding JWT stands after the last tilde.
    KeyBindingUnexpected = "key-binding-unexpected": "Receipts have no holder, so nothing may follow the last tilde.",
    /// The JOSE header is not the one of a receipt.
    SdJwtHeader = "sd-jwt-header": "The receipt's header was altered or is not one that CompanyOS writes.",
    /// The header's `alg` is not Ed25519.
    SdJwtAlgorithm = "sd-jwt-algorithm": "Receipts are signed with Ed25519 and nothing else.",
    /// The header's `typ` is not `receipt+sd-jwt`.
    SdJwtType = "sd-jwt-type": "The token is signed, but it is not a receipt.",
    /// No trusted key has the header's `kid`.
    UnknownKey = "unknown-key": "None of the trusted keys made this signature; the key set may be out of date.",
    /// The signature does not verify.
    SdJwtSignature = "sd-jwt-signature": "The receipt was altered after it was signed, or somebody else signed it.",
    /// The signed payload is not acceptable JSON.
    SdJwtPayload = "sd-jwt-payload": "The signed part of the receipt cannot be read without doubt about its meaning.",
    /// `_sd_alg` is not `sha-256`.
    SdHashAlgorithm = "sd-hash-algorithm": "The digests of the hidden members are not SHA-256.",
    /// `_sd` is not a sorted array of SHA-256 digests.
    SdDigests = "sd-digests": "The list of digests of the hidden members is malformed.",
    /// One digest stands twice in `_sd`.
    DigestDuplicate = "digest-duplicate": "Two hidden members share one digest.",
    /// Disclosure control members stand where receipts have none.
    SdMisplaced = "sd-misplaced": "Digests of hidden members stand where a receipt has none.",
    /// A disclosure is not base64url of `["salt","name",value]`.
    DisclosureFormat = "disclosure-format": "A disclosed member cannot be read.",
    /// A disclosure's digest is not in `_sd`.
    DisclosureUnreferenced = "disclosure-unreferenced": "A disclosed member was altered or never belonged to this receipt.",
    /// One disclosure was presented twice.
    DisclosureDuplicate = "disclosure-duplicate": "One member was disclosed twice.",
    /// A disclosure carries a name that is reserved.
    ClaimReserved = "claim-reserved": "A disclosed member has a name that only the signed part may use.",
    /// Two claims have one name.
    ClaimCollision = "claim-collision": "Two members of the receipt have the same name.",
    /// A clear claim is missing, unknown or has a wrong value.
    Claims = "claims": "A member that every receipt has is missing, unknown or has a wrong value.",
    /// The text is not a C2SP tlog-proof.
    ProofFormat = "proof-format": "The inclusion proof's text is damaged.",
    /// The receipt is not in the tree of the checkpoint at that index.
    InclusionProof = "inclusion-proof": "The receipt is not in the log at the place that the proof names.",
    /// The larger tree does not extend the smaller.
    ConsistencyProof = "consistency-proof": "The log's history was rewritten between the two checkpoints.",
    /// The text is not a C2SP checkpoint.
    CheckpointFormat = "checkpoint-format": "The checkpoint's text is damaged.",
    /// No trusted key signed the checkpoint.
    CheckpointKey = "checkpoint-key": "None of the trusted keys signed the checkpoint; the key set may be out of date.",
    /// A signature on the checkpoint does not verify.
    CheckpointSignature = "checkpoint-signature": "The checkpoint was altered after it was signed, or somebody else signed it.",
    /// The receipt, the checkpoint and the expected log are not of one origin.
    Origin = "origin": "The receipt, the checkpoint or the export is of another log than the one claimed.",
    /// The file is not a range export in its one permitted form.
    RangeFormat = "range-format": "The export's text is damaged.",
    /// The receipts and the joining hashes do not give the root of the checkpoint.
    RangeRoot = "range-root": "A receipt of the range was altered, left out, added or moved.",
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A check that failed, and what about it.
///
/// Everything that this crate reads from others is refused with one of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {detail}")]
#[non_exhaustive]
pub struct Failure {
    /// The check.
    pub check: Check,
    /// What failed about it, for people.
    pub detail: String,
}

impl Failure {
    pub(crate) fn new(check: Check, detail: impl Into<String>) -> Self {
        Self { check, detail: detail.into() }
    }
}
