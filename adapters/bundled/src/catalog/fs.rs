//! `fs`: no settings. The host says in which folder.

use async_trait::async_trait;
use companyos_adapter_traits::{Context, Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Invalid, Opened, Place, member};
use crate::fs::FsStorage;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

pub(super) struct Recipe;

impl Recipe {
    pub(super) fn new(settings: &Map<String, Value>) -> Result<Self, Invalid> {
        let Settings {} = member::settings(settings)?;
        Ok(Self)
    }
}

#[async_trait]
impl super::Recipe for Recipe {
    fn origins(&self) -> Vec<String> {
        Vec::new()
    }

    async fn open(&self, _: &Context, place: &Place) -> Result<Opened, Error> {
        let Some(folder) = place.folder.clone() else {
            return Err(Error::new(ErrorKind::InvalidInput, "no folder is set aside for this adapter"));
        };
        let builder = FsStorage::builder(folder).region(place.region.clone());
        let opened = tokio::task::spawn_blocking(move || builder.open()).await;
        let storage = opened.unwrap_or_else(|cause| {
            Err(Error::new(ErrorKind::Internal, "the blocking pool dropped the work").with_source(cause))
        })?;
        Ok(Opened::Storage(std::sync::Arc::new(storage)))
    }
}
