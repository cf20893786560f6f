//! What an adapter says about itself.

use std::collections::BTreeSet;
use std::fmt;

use crate::{Error, ErrorKind};

/// The version of the traits in this crate that adapters are written against.
///
/// It is raised when an adapter that was correct before would no longer be.
pub const CONTRACT_VERSION: u32 = 1;

/// Something that not every provider offers. What is claimed works; what is not claimed answers
/// [`ErrorKind::Unsupported`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// An object can be written on condition that there is none under the key.
    ConditionalCreate,
    /// An object can be replaced on condition that it is the version the caller names.
    ConditionalUpdate,
    /// An object can be copied without passing through the caller.
    Copy,
    /// A request can be signed for somebody who has no credentials.
    Presign,
}

impl Capability {
    /// The stable name, as it appears in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConditionalCreate => "storage.conditional-create",
            Self::ConditionalUpdate => "storage.conditional-update",
            Self::Copy => "storage.copy",
            Self::Presign => "storage.presign",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The bounds an adapter works in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest object that one call can write, in bytes.
    pub max_object_bytes: u64,
    /// The most objects one page of a listing holds.
    pub max_page: usize,
}

impl Default for Limits {
    /// 5 GiB per object, which is what one request to S3 or GCS can write, and 1,000 objects per page.
    fn default() -> Self {
        Self { max_object_bytes: 5 << 30, max_page: 1000 }
    }
}

impl Limits {
    /// Sets the largest object that one call can write, in bytes.
    #[must_use]
    pub fn max_object_bytes(mut self, bytes: u64) -> Self {
        self.max_object_bytes = bytes;
        self
    }

    /// Sets the most objects one page of a listing holds.
    #[must_use]
    pub fn max_page(mut self, objects: usize) -> Self {
        self.max_page = objects;
        self
    }
}

/// An adapter's name, version, capabilities and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// A short lowercase name, as in `fs`.
    pub name: String,
    /// The adapter's own version.
    pub version: String,
    /// The [`CONTRACT_VERSION`] the adapter was compiled against.
    pub contract_version: u32,
    /// The region its data stays in; `None` when it serves any.
    pub region: Option<String>,
    /// What it offers beyond the required operations.
    pub capabilities: BTreeSet<Capability>,
    /// The bounds it works in.
    pub limits: Limits,
}

impl Descriptor {
    /// A descriptor that claims nothing beyond the required operations.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            contract_version: CONTRACT_VERSION,
            region: None,
            capabilities: BTreeSet::new(),
            limits: Limits::default(),
        }
    }

    /// Pins the adapter to a region.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Claims exactly these capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities = capabilities.into_iter().collect();
        self
    }

    /// Sets the bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether the adapter claims `capability`.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Checks what must hold before an adapter is taken into service.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the name is not `[a-z0-9-]+`, the version or a region is empty, a limit is
    /// zero, or the adapter was written against another [`CONTRACT_VERSION`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
        if self.name.is_empty() || !self.name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return refuse(format!("the adapter name {:?} is not of the form [a-z0-9-]+", self.name));
        }
        if self.version.is_empty() {
            return refuse(format!("the adapter {} states no version", self.name));
        }
        if self.contract_version != CONTRACT_VERSION {
            return refuse(format!(
                "the adapter {} is written against adapter contract {}, not {CONTRACT_VERSION}",
                self.name, self.contract_version
            ));
        }
        if self.region.as_deref() == Some("") {
            return refuse(format!("the adapter {} states an empty region", self.name));
        }
        if self.limits.max_object_bytes == 0 || self.limits.max_page == 0 {
            return refuse(format!("the adapter {} states a limit of zero", self.name));
        }
        Ok(())
    }
}
