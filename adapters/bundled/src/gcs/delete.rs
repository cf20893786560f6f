//! Removing objects and versions.

use companyos_adapter_traits::storage::{DeleteOptions, ObjectKey};
use companyos_adapter_traits::{Context, Error, ErrorKind};
use http::Method;
use serde_json::json;

use super::Shared;
use super::control::{Call, object};
use super::resource::generation_of;

impl Shared {
    pub(super) async fn delete_object(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        let removed = async {
            let generation = options.version.as_ref().map(generation_of).transpose()?;
            if options.bypass_governance {
                self.lift(ctx, key, options).await?;
            }
            self.remove(ctx, key.as_str(), generation).await
        };
        gone(removed.await)
    }

    /// Ends a retention that may be ended. The service has no removal that overrides one, so this comes first; whoever
    /// retains the object anew in between wins.
    async fn lift(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        let found = self.stat(ctx, key.as_str(), options.version.as_ref()).await?;
        match found.retention {
            Some(retention) if retention.mode == "Unlocked" => {
                self.patch(ctx, key, Some(found.generation), true, json!({ "retention": null })).await
            }
            _ => Ok(()),
        }
    }

    /// Removes the live object, or a generation for good.
    pub(super) async fn remove(
        &self,
        ctx: &Context,
        name: &str,
        generation: Option<i64>,
    ) -> Result<(), Error> {
        let call = Call::new("removing an object", Method::DELETE, object(name));
        self.control.done(ctx, call.query_some("generation", generation)).await
    }
}

/// Removing what is not there is a success.
pub(super) fn gone(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
