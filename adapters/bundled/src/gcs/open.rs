//! Opening a bucket.

use std::sync::Arc;

use companyos_adapter_traits::storage::{ChecksumAlgorithm, StorageClass};
use companyos_adapter_traits::{
    Capability, Context, Descriptor, Error, ErrorKind, Limits, Outcome, PartLimits,
};
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::{ReadResumePolicyExt as _, Recommended};
use http::Method;

use super::control::{Call, Control};
use super::resource::Bucket;
use super::{ATTEMPTS, CLASSES, GcsStorage, GcsStorageBuilder, NAME, Shared};

impl GcsStorageBuilder {
    /// Finds credentials, asks the service about the bucket, and is ready to use when that is where it should be.
    ///
    /// What the adapter claims follows from what the bucket and the credentials can do: versions, locks, signing.
    /// Connect anew when the bucket's configuration changes.
    ///
    /// # Errors
    /// - [`InvalidInput`](ErrorKind::InvalidInput) for a name, an endpoint or a key that cannot be right.
    /// - [`WrongRegion`](ErrorKind::WrongRegion) when the bucket is in another location.
    /// - [`NotFound`](ErrorKind::NotFound) when there is no such bucket.
    /// - [`Unauthenticated`](ErrorKind::Unauthenticated), [`CredentialsExpired`](ErrorKind::CredentialsExpired),
    ///   [`CredentialsRevoked`](ErrorKind::CredentialsRevoked), [`ClockSkew`](ErrorKind::ClockSkew),
    ///   [`PermissionDenied`](ErrorKind::PermissionDenied), [`Unavailable`](ErrorKind::Unavailable)
    pub async fn connect(self) -> Result<GcsStorage, Error> {
        self.check()?;
        // No tenant's call: it is the host that opens a store.
        let ctx = Context::builder("", &*self.location).build();
        let (credentials, signer) = self.credentials.build()?;
        let control = Control::new(&self, credentials.clone())?;
        let wanted = Call::new("describing the bucket", Method::GET, "")
            .query("fields", "location,versioning,objectRetention,retentionPolicy,defaultEventBasedHold");
        let bucket: Bucket = control.call(&ctx, wanted).await?;
        if !bucket.location.eq_ignore_ascii_case(&self.location) {
            let found = bucket.location.to_ascii_uppercase();
            let why = format!("the bucket {} is in {found}, not in {}", self.bucket, self.location);
            return Err(Error::new(ErrorKind::WrongRegion, why).with_outcome(Outcome::Answered));
        }
        let data = Storage::builder()
            .with_endpoint(&self.endpoint)
            .with_credentials(credentials)
            .with_retry_policy(NeverRetry)
            .with_read_resume_policy(Recommended.with_attempt_limit(ATTEMPTS))
            .with_resumable_upload_threshold(self.resumable_threshold)
            .build();
        let data = tokio::time::timeout(self.timeout, data).await.map_err(|_| cannot_build())?;
        let data = data.map_err(|cause| cannot_build().with_source(cause))?;
        let descriptor = describe(&self, &bucket, signer.is_some());
        let diagnosis = self.diagnosis();
        Ok(GcsStorage {
            shared: Arc::new(Shared { descriptor, control, data, signer, diagnosis, config: self }),
        })
    }
}

fn cannot_build() -> Error {
    Error::new(ErrorKind::Unavailable, "the Cloud Storage client cannot be built")
        .with_outcome(Outcome::NotSent)
}

/// What an adapter for this bucket offers.
fn describe(config: &GcsStorageBuilder, bucket: &Bucket, signs: bool) -> Descriptor {
    let retains = bucket.object_retention.as_ref().is_some_and(|retention| retention.mode == "Enabled");
    // A bucket that holds on to all it is given would hold on to the parts of uploads too.
    let lets_go = bucket.retention_policy.is_none() && !bucket.default_event_based_hold;
    let bound = [
        (lets_go, Capability::Multipart),
        (signs, Capability::Presign),
        (bucket.versioning.enabled, Capability::Versions),
        (retains, Capability::ObjectLock),
    ];
    let always = [
        Capability::ConditionalCreate,
        Capability::ConditionalUpdate,
        Capability::Copy,
        Capability::StorageClasses,
        Capability::Checksums,
        Capability::KmsEncryption,
    ];
    let bound = bound.into_iter().filter_map(|(holds, capability)| holds.then_some(capability));
    Descriptor::new(NAME, env!("CARGO_PKG_VERSION"))
        .with_region(config.label.clone().unwrap_or_else(|| config.location.to_ascii_uppercase()))
        .with_capabilities(always.into_iter().chain(bound))
        .with_limits(
            Limits::default()
                .max_object_bytes(config.max_object_bytes)
                .parts(PartLimits::default().bytes(1, config.max_object_bytes))
                .storage_classes(CLASSES.map(StorageClass::new))
                .checksums([ChecksumAlgorithm::Md5]),
        )
}
