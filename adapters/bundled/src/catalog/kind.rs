//! The names of the bundled adapters.

use std::fmt;
use std::str::FromStr;

/// What an adapter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Signing in and judging tokens.
    Identity,
    /// Keeping objects.
    Storage,
    /// Taking and returning money.
    Payment,
}

impl Family {
    /// The word for it in configurations and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Storage => "storage",
            Self::Payment => "payment",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A bundled adapter, whether or not this build has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Objects as files.
    Fs,
    /// Google Cloud Storage.
    Gcs,
    /// OpenID Connect.
    Oidc,
    /// Stripe.
    PaymentsStripe,
    /// A payment provider that does what a script says.
    PaymentsStub,
    /// Amazon S3.
    S3,
}

impl Kind {
    /// Every kind, in the order of their names.
    pub const ALL: &[Self] =
        &[Self::Fs, Self::Gcs, Self::Oidc, Self::PaymentsStripe, Self::PaymentsStub, Self::S3];

    /// The name, which is also that of the cargo feature.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fs => "fs",
            Self::Gcs => "gcs",
            Self::Oidc => "oidc",
            Self::PaymentsStripe => "payments-stripe",
            Self::PaymentsStub => "payments-stub",
            Self::S3 => "s3",
        }
    }

    /// What it is for.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Fs | Self::Gcs | Self::S3 => Family::Storage,
            Self::Oidc => Family::Identity,
            Self::PaymentsStripe | Self::PaymentsStub => Family::Payment,
        }
    }

    /// The names of the secrets it takes. Which of them it needs may depend on its settings.
    #[must_use]
    pub fn secrets(self) -> &'static [&'static str] {
        match self {
            Self::Fs => &[],
            Self::Gcs => &["access_token", "service_account_key"],
            Self::Oidc => &["client_secret", "private_key"],
            // The last one while the one before it is rotated.
            Self::PaymentsStripe => &["api_key", "webhook_secret", "previous_webhook_secret"],
            Self::PaymentsStub => &["webhook_secret"],
            Self::S3 => &["access_key_id", "secret_access_key", "session_token"],
        }
    }

    /// Whether it keeps its state on the host's own disk.
    #[must_use]
    pub fn is_local(self) -> bool {
        matches!(self, Self::Fs | Self::PaymentsStub)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no adapter of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        write!(f, "there is no adapter {:?}; choose of {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == name);
        found.copied().ok_or_else(|| UnknownKind(name.to_owned()))
    }
}
