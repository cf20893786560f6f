//! What the file says of the adapter: one of the catalog, or the store in memory, which is this program's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use companyos_adapter_traits::conformance::payment::Stage;
use companyos_adapter_traits::storage::MemoryStorage;
use companyos_adapter_traits::{Context, ObjectStorage};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Problem;
use super::secret::Secret;
use crate::catalog::{self, Family, Kind, Place, Plan};

#[derive(Deserialize)]
#[serde(try_from = "toml::Table")]
pub(super) enum Adapter {
    Memory(Memory),
    Bundled(Bundled),
}

/// The store in memory, to try the program out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// Whether it keeps versions.
    #[serde(default)]
    versioned: bool,
}

/// An adapter of the catalog.
pub(super) struct Bundled {
    kind: Kind,
    /// Where it keeps its state, if it does so on the disk.
    folder: Option<PathBuf>,
    settings: Map<String, Value>,
    secrets: BTreeMap<String, Secret>,
}

/// An adapter, by the suite it is for.
pub(super) enum Opened {
    Storage(Arc<dyn ObjectStorage>),
    Payment(Box<dyn Stage>),
}

impl TryFrom<toml::Table> for Adapter {
    type Error = String;

    fn try_from(mut table: toml::Table) -> Result<Self, String> {
        let kind: String = read(table.remove("kind").ok_or("missing field `kind`")?)?;
        match kind.as_str() {
            "memory" => read(toml::Value::Table(table)).map(Self::Memory),
            name => {
                let kind: Kind = name.parse().map_err(|unknown| format!("{unknown}, memory"))?;
                Bundled::read(kind, table).map(Self::Bundled)
            }
        }
    }
}

impl Bundled {
    fn read(kind: Kind, mut table: toml::Table) -> Result<Self, String> {
        if kind.family() == Family::Identity {
            return Err(format!("the suite of {kind} needs somebody who signs in: run it from a test"));
        }
        let folder = match kind.is_local() {
            true => table.remove("folder").map(read).transpose()?,
            false => None,
        };
        if kind == Kind::Fs && folder.is_none() {
            return Err("missing field `folder`".to_owned());
        }
        let (mut settings, mut secrets) = (Map::new(), BTreeMap::new());
        for (name, value) in table {
            if kind.secrets().contains(&name.as_str()) {
                secrets.insert(name, read(value)?);
            } else {
                settings.insert(name, serde_json::to_value(value).map_err(|error| error.to_string())?);
            }
        }
        Ok(Self { kind, folder, settings, secrets })
    }

    async fn open(&self, ctx: &Context) -> Result<Opened, Problem> {
        let secrets = self.secrets.iter().map(|(name, secret)| Ok((name.clone(), secret.read()?.into())));
        let secrets: catalog::Secrets = secrets.collect::<Result<_, Problem>>()?;
        let plan = Plan::new(self.kind, &self.settings, &secrets)
            .map_err(|invalid| Problem::Config(invalid.to_string()))?;
        let mut place = Place::new(&ctx.region);
        if let Some(folder) = &self.folder {
            std::fs::create_dir_all(folder)
                .map_err(|error| Problem::Io(format!("making the folder {}", folder.display()), error))?;
            place = place.folder(folder);
        }
        if let Some(stage) = plan.stage(&place).await? {
            return Ok(Opened::Payment(stage));
        }
        match plan.open(ctx, &place).await? {
            catalog::Opened::Storage(storage) => Ok(Opened::Storage(storage)),
            _ => Err(Problem::Config(format!("the suite of {} can be run from a test only", self.kind))),
        }
    }
}

impl Adapter {
    pub(super) async fn open(&self, ctx: &Context) -> Result<Opened, Problem> {
        match self {
            Self::Memory(Memory { versioned: true }) => {
                Ok(Opened::Storage(Arc::new(MemoryStorage::versioned())))
            }
            Self::Memory(Memory { versioned: false }) => Ok(Opened::Storage(Arc::new(MemoryStorage::new()))),
            Self::Bundled(bundled) => bundled.open(ctx).await,
        }
    }
}

/// A value of the file as what it must be.
fn read<T: serde::de::DeserializeOwned>(value: toml::Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.message().to_owned())
}
