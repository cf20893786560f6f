//! What keeps a version from being removed.

use aws_sdk_s3::types::{ObjectLockLegalHold, ObjectLockRetention, ObjectLockRetentionMode};
use companyos_adapter_traits::storage::{LockOptions, ObjectKey, RetentionMode, operations};
use companyos_adapter_traits::{Capability, Context, Error};

use super::Shared;
use super::convert::hold;
use super::read::named;

impl Shared {
    /// Two requests, of which the second may fail: what is done first is what is harder to undo by others, the
    /// legal hold.
    pub(super) async fn lock(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &LockOptions,
    ) -> Result<(), Error> {
        self.descriptor.require(Capability::ObjectLock, operations::LOCK)?;
        let version = options.version.as_ref().map(|version| version.as_str().to_owned());
        let legal_hold = ObjectLockLegalHold::builder().status(hold(options.lock.legal_hold)).build();
        let request = self
            .client
            .put_object_legal_hold()
            .bucket(&self.bucket)
            .key(key.as_str())
            .set_version_id(version.clone())
            .legal_hold(legal_hold)
            .send();
        self.send(ctx, operations::LOCK, 0, request).await.map_err(|error| named(error, key))?;
        let mut retention = ObjectLockRetention::builder();
        if let Some(asked) = &options.lock.retention {
            let mode = match asked.mode {
                RetentionMode::Compliance => ObjectLockRetentionMode::Compliance,
                _ => ObjectLockRetentionMode::Governance,
            };
            retention = retention.mode(mode).retain_until_date(asked.until.into());
        }
        let request = self
            .client
            .put_object_retention()
            .bucket(&self.bucket)
            .key(key.as_str())
            .set_version_id(version)
            .retention(retention.build())
            .set_bypass_governance_retention(options.bypass_governance.then_some(true))
            .send();
        self.send(ctx, operations::LOCK, 0, request).await.map_err(|error| named(error, key)).map(drop)
    }
}
