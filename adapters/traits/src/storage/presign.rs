//! Requests that are signed now and sent by somebody else.

use std::fmt;
use std::time::Duration;

use super::{Checksum, VersionId, operations};
use crate::{Capability, Descriptor, Error, ErrorKind};

/// What a presigned request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresignedMethod {
    /// Read the object.
    Get,
    /// Write the object.
    Put,
}

/// How [`presign`](super::ObjectStorage::presign) signs.
///
/// A constraint is part of what is signed: the provider refuses a request that does not keep it. An adapter that
/// cannot have one enforced refuses it; none is ever dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresignOptions {
    /// What the request may do.
    pub method: PresignedMethod,
    /// How long it may do it.
    pub expires_in: Duration,
    /// The kept version that may be read. A capability: [`Versions`](Capability::Versions).
    pub version: Option<VersionId>,
    /// The name under which a browser saves what it reads.
    pub download_as: Option<String>,
    /// The media type the object must be written with.
    pub content_type: Option<String>,
    /// The length the body must have, in bytes.
    pub content_length: Option<u64>,
    /// The checksum the body must have. A capability: [`Checksums`](Capability::Checksums).
    pub checksum: Option<Checksum>,
    /// Whether the write must find no object. A capability: [`ConditionalCreate`](Capability::ConditionalCreate).
    pub create: bool,
}

impl PresignOptions {
    /// Signs a read.
    #[must_use]
    pub fn get(expires_in: Duration) -> Self {
        Self::new(PresignedMethod::Get, expires_in)
    }

    /// Signs a write.
    #[must_use]
    pub fn put(expires_in: Duration) -> Self {
        Self::new(PresignedMethod::Put, expires_in)
    }

    fn new(method: PresignedMethod, expires_in: Duration) -> Self {
        Self {
            method,
            expires_in,
            version: None,
            download_as: None,
            content_type: None,
            content_length: None,
            checksum: None,
            create: false,
        }
    }

    /// Reads only this kept version.
    #[must_use]
    pub fn version(mut self, version: VersionId) -> Self {
        self.version = Some(version);
        self
    }

    /// Has a browser save what it reads under this name.
    #[must_use]
    pub fn download_as(mut self, name: impl Into<String>) -> Self {
        self.download_as = Some(name.into());
        self
    }

    /// Writes only with this media type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Writes only a body of so many bytes.
    #[must_use]
    pub fn content_length(mut self, bytes: u64) -> Self {
        self.content_length = Some(bytes);
        self
    }

    /// Writes only a body with this checksum.
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Writes only where there is no object.
    #[must_use]
    pub fn create(mut self) -> Self {
        self.create = true;
        self
    }

    /// Refuses what the descriptor does not claim, and constraints that make no sense for the method.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported), [`InvalidInput`](crate::ErrorKind::InvalidInput)
    pub fn check(&self, descriptor: &Descriptor) -> Result<(), Error> {
        descriptor.require(Capability::Presign, operations::PRESIGN)?;
        let of_reads = self.version.is_some() || self.download_as.is_some();
        let of_writes = self.content_type.is_some()
            || self.content_length.is_some()
            || self.checksum.is_some()
            || self.create;
        let misplaced = match self.method {
            PresignedMethod::Get => of_writes,
            PresignedMethod::Put => of_reads,
        };
        if misplaced {
            let why = "a constraint on reads is asked of a write, or the other way round";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        if self.version.is_some() {
            descriptor.require(Capability::Versions, operations::VERSIONS)?;
        }
        if self.create {
            descriptor.require(Capability::ConditionalCreate, operations::CONDITIONAL_CREATE)?;
        }
        super::options::check_checksum(self.checksum.as_ref(), descriptor)
    }
}

/// A signed request. Whoever holds the URL may use it, so `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Presigned {
    /// Where to send the request.
    pub url: String,
    /// The header fields that were signed and must be sent.
    pub headers: Vec<(String, String)>,
    /// How long it can be used.
    pub expires_in: Duration,
}

impl Presigned {
    /// Puts the three together.
    pub fn new(url: impl Into<String>, headers: Vec<(String, String)>, expires_in: Duration) -> Self {
        Self { url: url.into(), headers, expires_in }
    }
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("url", &"***")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
