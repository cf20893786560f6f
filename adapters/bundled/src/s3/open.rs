//! Opening a bucket.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockEnabled};
use companyos_adapter_traits::storage::operations;
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, ErrorKind, Outcome};

use super::config::SdkClock;
use super::error::is_mute;
use super::{NAME, S3Storage, S3StorageBuilder, Shared};

/// How long a connection may take to be made: one lost packet is sent again after 3 s.
const CONNECT: std::time::Duration = std::time::Duration::from_millis(3100);

impl S3StorageBuilder {
    /// Finds credentials, makes sure that the bucket is there and in the region, and finds out what can be claimed.
    ///
    /// Unless [`claims`](Self::claims) says what to claim, that takes about fifteen requests and writes objects under
    /// `.companyos-probe/`, which are removed again. A server that ignores a condition on writes is not an error; the
    /// descriptor then does not claim the capability.
    ///
    /// # Errors
    /// - [`InvalidInput`](ErrorKind::InvalidInput) for an empty name of a bucket or a region.
    /// - [`WrongRegion`](ErrorKind::WrongRegion) when the bucket is in another region.
    /// - [`NotFound`](ErrorKind::NotFound) when there is no such bucket.
    /// - [`Unauthenticated`](ErrorKind::Unauthenticated), [`CredentialsExpired`](ErrorKind::CredentialsExpired),
    ///   [`CredentialsRevoked`](ErrorKind::CredentialsRevoked), [`ClockSkew`](ErrorKind::ClockSkew),
    ///   [`PermissionDenied`](ErrorKind::PermissionDenied), [`Unavailable`](ErrorKind::Unavailable)
    pub async fn connect(self) -> Result<S3Storage, Error> {
        if self.bucket.is_empty() || self.region.is_empty() || self.label.as_deref() == Some("") {
            let why = "a bucket and its region have names that are not empty";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let client = self.client().await;
        let descriptor = Descriptor::new(NAME, env!("CARGO_PKG_VERSION"))
            .with_region(self.label.unwrap_or_else(|| self.region.clone()))
            .with_limits(self.limits);
        let mut shared = Shared {
            client,
            bucket: self.bucket,
            descriptor,
            clock: self.clock,
            timeout: self.timeout,
            attempts: self.attempts,
            conditional_complete: true,
        };
        // No tenant's call: it is the host that opens a store.
        let ctx = Context::builder("", self.region.clone()).build();
        shared.check_region(&ctx, &self.region).await?;
        let claims = match self.claims {
            Some(claims) => claims,
            None => {
                let mut found = shared.probe(&ctx).await?;
                found.extend(shared.bucket_features(&ctx).await?);
                found.extend(self.kms.then_some(Capability::KmsEncryption));
                if !shared.descriptor.limits.storage_classes.is_empty() {
                    found.push(Capability::StorageClasses);
                }
                found
            }
        };
        shared.descriptor = shared.descriptor.with_capabilities(claims);
        Ok(S3Storage { shared: Arc::new(shared) })
    }

    async fn client(&self) -> Client {
        let region = Region::new(self.region.clone());
        let clock = || SdkClock(Arc::clone(&self.clock));
        let mut config = match &self.credentials {
            Some(given) => {
                let token = given.session_token.clone();
                let keys =
                    Credentials::new(&given.access_key_id, &given.secret_access_key, token, None, NAME);
                aws_sdk_s3::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .credentials_provider(keys)
            }
            None => {
                let chain = aws_config::defaults(BehaviorVersion::latest());
                let chain = chain.region(region.clone()).time_source(clock()).load().await;
                aws_sdk_s3::config::Builder::from(&chain)
            }
        };
        config = config
            .region(region)
            .time_source(clock())
            .force_path_style(self.path_style)
            // The region is pinned: no name of a bucket may lead to another one.
            .use_arn_region(false)
            .disable_multi_region_access_points(true)
            // The SDK would learn the difference from an answer and sign with it, and nobody would hear that the clock
            // is wrong that receipts and signed URLs are dated with.
            .disable_clock_skew_correction(true)
            .retry_config(RetryConfig::standard().with_max_attempts(self.attempts))
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build())
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled().grace_period(self.timeout).build(),
            );
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Client::from_conf(config.build())
    }
}

impl Shared {
    /// Makes sure that the bucket is there, ours to use, and in the region.
    async fn check_region(&self, ctx: &Context, region: &str) -> Result<(), Error> {
        let head = self.client.head_bucket().bucket(&self.bucket).send();
        match self.send(ctx, "storage.open", 0, head).await {
            // Not every server says where a bucket is. Then there is only the signature, which names the region.
            Ok(answer) => match answer.bucket_region().filter(|found| *found != region) {
                Some(found) => {
                    let why = format!("the bucket {} is in {found}, not in {region}", self.bucket);
                    Err(Error::new(ErrorKind::WrongRegion, why).with_outcome(Outcome::Answered))
                }
                None => Ok(()),
            },
            Err(error) if is_mute(&error) => {
                let request = self.client.list_objects_v2().bucket(&self.bucket).max_keys(1).send();
                match self.send(ctx, "storage.open", 0, request).await {
                    // A right of its own in some places, which an adapter can do without.
                    Ok(_) if *error.kind() == ErrorKind::PermissionDenied => Ok(()),
                    result => result.and(Err(error)),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// What the owner of the bucket has switched on, as far as these credentials may know.
    async fn bucket_features(&self, ctx: &Context) -> Result<Vec<Capability>, Error> {
        let mut found = Vec::new();
        let versioning = self.client.get_bucket_versioning().bucket(&self.bucket).send();
        let versioning = known(self.send(ctx, operations::VERSIONS, 0, versioning).await)?;
        let versioned = versioning.and_then(|answer| answer.status) == Some(BucketVersioningStatus::Enabled);
        found.extend(versioned.then_some(Capability::Versions));
        let lock = self.client.get_object_lock_configuration().bucket(&self.bucket).send();
        let lock = known(self.send(ctx, operations::LOCK, 0, lock).await)?;
        let lock = lock.and_then(|answer| answer.object_lock_configuration?.object_lock_enabled);
        found.extend((lock == Some(ObjectLockEnabled::Enabled)).then_some(Capability::ObjectLock));
        Ok(found)
    }
}

/// An answer, or `None` when the provider refuses to give one; an error only when it could not be asked.
pub(super) fn known<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.outcome() == Outcome::Answered && *error.kind() != ErrorKind::RateLimited => {
            Ok(None)
        }
        // Some servers answer 501 to what they do not know, and some 500.
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
