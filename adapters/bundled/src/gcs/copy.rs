//! Copying within the bucket.

use companyos_adapter_traits::storage::{CopyOptions, ObjectKey, ObjectMeta, Placement};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome};
use http::Method;
use serde_json::{Map, Value, json};

use super::Shared;
use super::control::{Call, encode, object};
use super::resource::{Resource, Rewrite, generation_of, retention_json};

const DOING: &str = "copying an object";

impl Shared {
    pub(super) async fn rewrite(
        &self,
        ctx: &Context,
        from: &ObjectKey,
        to: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<ObjectMeta, Error> {
        let mut generation = options.version.as_ref().map(generation_of).transpose()?;
        let mut body = None;
        if options.placement != Placement::default() {
            // A description of the copy replaces all that the source has, so it must repeat what is to stay; and it
            // must be of the very generation that is copied.
            let found = self.stat(ctx, from.as_str(), options.version.as_ref()).await?;
            generation = Some(found.generation);
            body = Some(description(&found, &options.placement)?);
        }
        let path =
            format!("{}/rewriteTo/b/{}/o/{}", object(from.as_str()), self.config.bucket, encode(to.as_str()));
        let mut token: Option<String> = None;
        // A large object is copied in several calls. Only the last one changes anything to be seen.
        loop {
            let mut call = Call::new(DOING, Method::POST, &path)
                .query_some("sourceGeneration", generation)
                .query_some("destinationKmsKeyName", options.placement.kms_key.as_deref())
                .query_some("rewriteToken", token.as_deref());
            if let Some(body) = &body {
                call = call.body(body.clone());
            }
            let step: Rewrite = self.control.call(ctx, call).await?;
            match step {
                Rewrite { done: true, resource: Some(copy), .. } => {
                    return Ok(copy.meta(to.clone(), self.keeps_versions()));
                }
                Rewrite { done: false, rewrite_token: Some(next), .. } => token = Some(next),
                _ => {
                    let why = format!("{DOING} failed: the answer is neither done nor to be continued");
                    return Err(Error::new(ErrorKind::Internal, why).with_outcome(Outcome::MaybeSent));
                }
            }
        }
    }
}

/// The attributes of an object, as a description of another, with the placement chosen for that.
fn description(found: &Resource, placement: &Placement) -> Result<Value, Error> {
    let mut fields = Map::new();
    if let Some(content_type) = &found.content_type {
        fields.insert("contentType".to_owned(), json!(content_type));
    }
    fields.insert("metadata".to_owned(), json!(found.metadata));
    place(&mut fields, placement)?;
    Ok(Value::Object(fields))
}

/// Adds what a placement asks for, but the key, which is a parameter of the call.
pub(super) fn place(fields: &mut Map<String, Value>, placement: &Placement) -> Result<(), Error> {
    if let Some(class) = &placement.storage_class {
        fields.insert("storageClass".to_owned(), json!(class.as_str()));
    }
    if let Some(retention) = &placement.lock.retention {
        fields.insert("retention".to_owned(), retention_json(retention)?);
    }
    if placement.lock.legal_hold {
        fields.insert("temporaryHold".to_owned(), json!(true));
    }
    Ok(())
}
