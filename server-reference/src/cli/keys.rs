//! `companyos keys operator`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;

use super::output::Output;
use super::{Common, Ended, usable};
use crate::areas::identity::Bootstrap;
use crate::config::Config;
use crate::kernel::clock::{Clock, SystemClock};
use crate::kernel::ids::{Ids, RandomIds};
use crate::keys::KeyStore;
use crate::launch::{keep, key_folder, operator_key_file};
use crate::store::{Store, StoreDeps, Unobserved};

#[derive(Serialize)]
struct Issued {
    operator_key_file: PathBuf,
}

pub(super) fn operator(common: &Common, output: Output) -> Ended {
    let config = usable(&common.layers()?)?;
    let file = operator_key_file(&config.data_dir);
    super::runtime()?.block_on(issue(&config, &file))?;
    let text = format!("a new operator key is in {}", file.display());
    output.result(&Issued { operator_key_file: file }, &text)?;
    Ok(ExitCode::SUCCESS)
}

async fn issue(config: &Config, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>) = (Arc::new(SystemClock), Arc::new(RandomIds));
    if !crate::keys::exists(&key_folder(&config.data_dir)) {
        return Err(format!("{} holds no server; start one first", config.data_dir.display()).into());
    }
    let keys = KeyStore::open(&key_folder(&config.data_dir), &*clock, &ids)?;
    let deps = StoreDeps {
        clock: Arc::clone(&clock),
        ids: Arc::clone(&ids),
        signer: keys.signer(),
        issuer: config.settings.issuer.clone(),
        region: config.settings.region.clone(),
        observer: Arc::new(Unobserved),
    };
    let store = Store::open(config.store.clone(), deps).await?;
    let bootstrap = Bootstrap { clock, ids, mode: config.settings.mode };
    let Some(deployment) = Bootstrap::find(&store).await? else {
        return Err("the database has had no first start yet; `companyos serve` issues the first key".into());
    };
    let key = bootstrap.issue_operator(&store, &deployment).await?;
    keep(file, &key)?;
    store.shutdown().await;
    Ok(())
}
