//! Retentions and holds.

use companyos_adapter_traits::storage::{LockOptions, ObjectKey, operations};
use companyos_adapter_traits::{Capability, Context, Error};
use http::Method;
use serde_json::{Value, json};

use super::Shared;
use super::control::{Call, object};
use super::resource::{generation_of, retention_json};

impl Shared {
    pub(super) async fn set_lock(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &LockOptions,
    ) -> Result<(), Error> {
        self.descriptor.require(Capability::ObjectLock, operations::LOCK)?;
        if options.version.is_some() {
            self.descriptor.require(Capability::Versions, operations::VERSIONS)?;
        }
        let generation = options.version.as_ref().map(generation_of).transpose()?;
        let retention = options.lock.retention.as_ref().map(retention_json).transpose()?;
        // An event-based hold holds as a temporary one does, and is lifted as one.
        let mut change = json!({ "retention": retention, "temporaryHold": options.lock.legal_hold });
        if !options.lock.legal_hold {
            change["eventBasedHold"] = Value::Bool(false);
        }
        self.patch(ctx, key, generation, options.bypass_governance, change).await
    }

    /// Changes an object's attributes; null removes one.
    pub(super) async fn patch(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        generation: Option<i64>,
        bypass: bool,
        change: Value,
    ) -> Result<(), Error> {
        let call = Call::new("locking an object", Method::PATCH, object(key.as_str()))
            .query_some("generation", generation)
            .query_some("overrideUnlockedRetention", bypass.then_some(true))
            .body(change);
        self.control.done(ctx, call).await
    }
}
