//! Making the object.

use companyos_adapter_traits::storage::{CompleteUploadOptions, ObjectMeta, Part, Upload};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use serde_json::{Map, Value, json};

use super::{AT_A_TIME, Manifest, name};
use crate::gcs::Shared;
use crate::gcs::control::{Call, object};
use crate::gcs::resource::Resource;
use crate::gcs::write::Condition;

const DOING: &str = "completing an upload";

/// The most objects that one call composes.
const MOST_SOURCES: usize = 32;

/// An object that becomes part of another.
struct Source {
    name: String,
    generation: i64,
}

impl Shared {
    pub(in crate::gcs) async fn complete(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        let condition = Condition::of(&options.mode)?;
        let manifest = self.manifest(ctx, upload).await?;
        let held = self.components(ctx, upload).await?;
        let mut sources = chosen(upload, parts, &held)?;
        let mut level = 0;
        while sources.len() > MOST_SOURCES {
            level += 1;
            sources = self.compose_groups(ctx, upload, &manifest, sources, level).await?;
        }
        let target = upload.key.as_str();
        let made = self.compose(ctx, target, &manifest, &manifest.destination, &sources, condition).await?;
        self.clean_up(ctx, upload).await;
        Ok(made.meta(upload.key.clone(), self.keeps_versions()))
    }

    /// Composes as many objects as one call takes to one, group by group.
    async fn compose_groups(
        &self,
        ctx: &Context,
        upload: &Upload,
        manifest: &Manifest,
        sources: Vec<Source>,
        level: u32,
    ) -> Result<Vec<Source>, Error> {
        let kept = Map::from_iter([("storageClass".to_owned(), json!(crate::gcs::CLASSES[0]))]);
        let kept = &kept;
        let mut groups: Vec<Vec<Source>> = Vec::new();
        for source in sources {
            match groups.last_mut() {
                Some(group) if group.len() < MOST_SOURCES => group.push(source),
                _ => groups.push(vec![source]),
            }
        }
        stream::iter(groups.into_iter().enumerate())
            .map(|(index, group)| async move {
                let name = name::composed(upload, level, index)?;
                let made = self.compose(ctx, &name, manifest, kept, &group, Condition::None).await?;
                Ok(Source { name, generation: made.generation })
            })
            .buffered(AT_A_TIME)
            .try_collect()
            .await
    }

    async fn compose(
        &self,
        ctx: &Context,
        target: &str,
        manifest: &Manifest,
        destination: &Map<String, Value>,
        sources: &[Source],
        condition: Condition,
    ) -> Result<Resource, Error> {
        // By generation, so that a part that is replaced meanwhile does not slip in.
        let sources: Vec<Value> = sources
            .iter()
            .map(|source| json!({ "name": source.name, "generation": source.generation.to_string() }))
            .collect();
        let (generation, metageneration) = condition.generations();
        let call = Call::new(DOING, Method::POST, format!("{}/compose", object(target)))
            .query_some("ifGenerationMatch", generation)
            .query_some("ifMetagenerationMatch", metageneration)
            .query_some("kmsKeyName", manifest.kms_key.as_deref())
            .body(json!({ "sourceObjects": sources, "destination": destination }));
        self.control.call(ctx, call).await
    }

    /// Removes what the upload consisted of. The object is made whatever becomes of this, so a failure is none of the
    /// caller's: when the manifest cannot be removed the upload stays listed, and aborting it removes the rest.
    async fn clean_up(&self, ctx: &Context, upload: &Upload) {
        drop(self.abort(ctx, upload).await);
    }
}

/// The objects of the parts that were chosen, in order.
fn chosen(upload: &Upload, parts: &[Part], held: &[Resource]) -> Result<Vec<Source>, Error> {
    let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why).with_outcome(Outcome::Answered));
    if parts.is_empty() {
        return refuse("an upload is completed of at least one part".to_owned());
    }
    if !parts.is_sorted_by(|a, b| a.number < b.number) {
        return refuse("the parts are not in ascending order of their numbers".to_owned());
    }
    let live: std::collections::BTreeMap<u32, &Resource> = held
        .iter()
        .filter(|found| found.time_deleted.is_none())
        .filter_map(|found| Some((name::parse_part(upload, &found.name)?, found)))
        .collect();
    let mut sources = Vec::with_capacity(parts.len());
    for part in parts {
        match live.get(&part.number) {
            Some(found) if found.state().etag() == part.etag => {
                sources.push(Source { name: found.name.clone(), generation: found.generation });
            }
            Some(_) => return refuse(format!("part {} has been replaced since", part.number)),
            None => return refuse(format!("part {} was not uploaded", part.number)),
        }
    }
    Ok(sources)
}
