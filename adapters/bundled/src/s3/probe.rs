//! What the server behind the endpoint really does.
//!
//! A server that does not know a condition answers as if it had kept it, and two writers then both believe to be the
//! only one. So the capabilities whose failure is silent are tried before they are claimed: a second create and an
//! update of a replaced version must be refused, and a body with a wrong checksum must not be stored.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use bytes::Bytes;
use companyos_adapter_traits::storage::{
    Checksum, CompleteUploadOptions, CopyOptions, DeleteOptions, ETag, GetOptions, ListOptions,
    ListPartsOptions, ObjectKey, PutMode, PutOptions, StartUploadOptions, Upload, UploadPartOptions,
    VersionId,
};
use companyos_adapter_traits::{Capability, Conflict, Context, Error, ErrorKind};

use super::Shared;
use super::open::known;

const FOLDER: &str = ".companyos-probe";
const BODY: Bytes = Bytes::from_static(b"companyos probe");

/// What a probe has written, to be removed whatever it found.
struct Traces {
    key: ObjectKey,
    versions: Vec<Option<VersionId>>,
}

impl Shared {
    /// The capabilities that were seen to work.
    ///
    /// # Errors
    /// Those of a provider that cannot be asked. A refusal only means that the capability is not claimed.
    pub(super) async fn probe(&mut self, ctx: &Context) -> Result<Vec<Capability>, Error> {
        // Every opener has a key of its own, so that none takes another's object for its own.
        let unique = RandomState::new().hash_one(FOLDER);
        let key = ObjectKey::new(format!("{FOLDER}/{unique:016x}"))?;
        let mut traces = Traces { key, versions: Vec::new() };
        // The operations of uploads refuse to work before they are claimed.
        self.descriptor.capabilities.insert(Capability::Multipart);
        let found = self.probe_all(ctx, &mut traces).await;
        self.descriptor.capabilities.clear();
        for version in traces.versions {
            // A bucket whose default is to lock keeps a few bytes. That is no reason not to open it.
            known(self.delete(ctx, &traces.key, &removal(version)).await)?;
        }
        found
    }

    async fn probe_all(&mut self, ctx: &Context, traces: &mut Traces) -> Result<Vec<Capability>, Error> {
        // Signing is done here, and the server's part in it is to check signatures.
        let mut found = vec![Capability::Presign];
        let Some(first) = self.written(ctx, traces, &PutOptions::create()).await? else {
            // Credentials that may not write have nothing else to claim.
            return Ok(found);
        };
        let settled = ErrorKind::Conflict(Conflict::Settled);
        if self.refused(ctx, traces, BODY, &PutOptions::create(), &settled).await? {
            found.push(Capability::ConditionalCreate);
        }
        let update = PutOptions::update(first);
        let other = Bytes::from_static(b"companyos probe, again");
        let replaced = known(self.put(ctx, &traces.key, other.clone(), &update).await)?;
        if let Some(meta) = replaced {
            traces.versions.push(meta.version);
            if self.refused(ctx, traces, other, &update, &settled).await? {
                found.push(Capability::ConditionalUpdate);
            }
        }
        if self.keeps_checksums(ctx, traces).await? {
            found.push(Capability::Checksums);
        }
        let target = ObjectKey::new(format!("{}-copy", traces.key))?;
        if let Some(copy) = known(self.copy(ctx, &traces.key, &target, &CopyOptions::default()).await)? {
            found.push(Capability::Copy);
            known(self.delete(ctx, &target, &removal(copy.version)).await)?;
        }
        if self.keeps_uploads(ctx, traces).await? {
            found.push(Capability::Multipart);
        }
        Ok(found)
    }

    async fn written(
        &self,
        ctx: &Context,
        traces: &mut Traces,
        options: &PutOptions,
    ) -> Result<Option<ETag>, Error> {
        let meta = known(self.put(ctx, &traces.key, BODY, options).await)?;
        Ok(meta.map(|meta| {
            traces.versions.push(meta.version);
            meta.etag
        }))
    }

    /// Whether a write that must be refused is refused, for the right reason.
    async fn refused(
        &self,
        ctx: &Context,
        traces: &mut Traces,
        body: Bytes,
        options: &PutOptions,
        reason: &ErrorKind,
    ) -> Result<bool, Error> {
        match self.put(ctx, &traces.key, body, options).await {
            Ok(meta) => {
                traces.versions.push(meta.version);
                Ok(false)
            }
            Err(error) if error.kind() == reason => Ok(true),
            Err(error) => known(Err(error)).map(|_: Option<()>| false),
        }
    }

    /// Whether a body with a wrong checksum is refused, and leaves what was there.
    async fn keeps_checksums(&self, ctx: &Context, traces: &mut Traces) -> Result<bool, Error> {
        if self.written(ctx, traces, &PutOptions::overwrite()).await?.is_none() {
            return Ok(false);
        }
        let wrong = PutOptions::overwrite().checksum(Checksum::crc32c(b"another body"));
        let body = Bytes::from_static(b"companyos probe, damaged");
        if !self.refused(ctx, traces, body, &wrong, &ErrorKind::Corrupt).await? {
            return Ok(false);
        }
        // Some servers write first and check then.
        let Some(object) = known(self.get(ctx, &traces.key, &GetOptions::default()).await)? else {
            return Ok(false);
        };
        match object.bytes().await {
            Ok(body) => Ok(body == BODY),
            Err(error) if *error.kind() == ErrorKind::Corrupt => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether an upload can be started, found again, and finished or aborted. Notes whether its completion keeps the
    /// conditions that a put keeps.
    async fn keeps_uploads(&mut self, ctx: &Context, traces: &mut Traces) -> Result<bool, Error> {
        let started = self.start_upload(ctx, &traces.key, &StartUploadOptions::default()).await;
        let Some(upload) = known(started)? else { return Ok(false) };
        let found = self.upload_is_kept(ctx, &upload).await;
        if let Ok(true) = found {
            self.conditional_complete = self.completes_conditionally(ctx, &upload, traces).await?;
        }
        known(self.abort(ctx, &upload).await)?;
        found
    }

    async fn upload_is_kept(&self, ctx: &Context, upload: &Upload) -> Result<bool, Error> {
        let part = known(self.upload_part(ctx, upload, 1, BODY, &UploadPartOptions::default()).await)?;
        let Some(part) = part else { return Ok(false) };
        let parts = answered(self.list_parts(ctx, upload, &ListPartsOptions::default()).await)?;
        let listed = answered(self.pending(ctx, &ListOptions::prefix(upload.key.as_str())).await)?;
        let held = parts.is_some_and(|page| {
            page.parts.len() == 1 && page.parts[0].etag == part.etag && page.parts[0].size == part.size
        });
        let found = listed.is_some_and(|page| page.uploads.iter().any(|pending| pending.upload == *upload));
        Ok(held && found)
    }

    /// Whether an upload may not be completed over the object that is there, if it must be new.
    async fn completes_conditionally(
        &self,
        ctx: &Context,
        upload: &Upload,
        traces: &mut Traces,
    ) -> Result<bool, Error> {
        let page = self.list_parts(ctx, upload, &ListPartsOptions::default()).await?;
        let options = CompleteUploadOptions::default().mode(PutMode::Create);
        match self.complete_upload(ctx, upload, &page.parts, &options).await {
            Ok(meta) => {
                traces.versions.push(meta.version);
                Ok(false)
            }
            Err(error) if *error.kind() == ErrorKind::Conflict(Conflict::Settled) => Ok(true),
            Err(error) => known(Err(error)).map(|_: Option<()>| false),
        }
    }
}

fn removal(version: Option<VersionId>) -> DeleteOptions {
    version.map_or_else(DeleteOptions::default, |version| DeleteOptions::default().version(version))
}

/// As [`known`]; an answer that lacks what every answer has is none either.
fn answered<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if *error.kind() == ErrorKind::Internal => Ok(None),
        result => known(result),
    }
}
