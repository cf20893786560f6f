//! A receipts export, written to a bucket under policy, with a receipt of every step.
//!
//! ```console
//! cargo run -p companyos-examples --features s3 --bin export-to-s3
//! cargo run -p companyos-examples --features s3 --bin export-to-s3 -- --bucket acme-exports --region eu-central-1
//! ```
//!
//! Without arguments the server and the bucket run inside this process, on free loopback ports.

mod bucket;
mod hooks;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use clap::Parser;
use companyos_adapter_traits::storage::{ObjectKey, PutMode, PutOptions};
use companyos_adapter_traits::{
    Capability, Conflict, Context, Error as AdapterError, ErrorKind, Governed, ObjectStorage,
    ObjectStorageExt as _,
};
use companyos_adapters::s3::S3Storage;
use companyos_examples::show::Show;
use companyos_sdk::Client;
use companyos_sdk::receipt::key::KeySet;
use companyos_sdk::receipt::verify::Verifier;
use companyos_sdk::types::tenants::TenantCreate;
use companyos_server::launch::{Launch, Running};

use crate::hooks::{OwnFolder, ReceiptFile};

type Failure = Box<dyn Error + Send + Sync>;

/// Exports receipts, verifies them, and writes them to a bucket under policy.
#[derive(Debug, Parser)]
#[command(name = "export-to-s3")]
struct Arguments {
    /// Write to this bucket instead of one in this process; credentials are those of the standard chain
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Where the bucket is
    #[arg(long, value_name = "NAME", default_value = bucket::REGION)]
    region: String,
    /// The server that has the bucket, if it is not Amazon's, such as http://127.0.0.1:9000
    #[arg(long, value_name = "URL", requires = "bucket")]
    endpoint: Option<String>,
    /// Print one JSON document instead of the story
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut show = Show::new("export-to-s3", arguments.json);
    match story(&arguments, &mut show).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show.failure(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// What is exported: the log, and the public keys to verify it with.
struct Export {
    range: bytes::Bytes,
    keys: Vec<u8>,
}

async fn story(arguments: &Arguments, show: &mut Show) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("companyos-export-").tempdir()?;
    let server = Launch::new(folder.path()).start().await?;
    let (storage, place) = match &arguments.bucket {
        Some(name) => bucket::of_ones_own(name, &arguments.region, arguments.endpoint.as_deref()).await?,
        None => bucket::in_process(&folder.path().join("buckets")).await?,
    };
    let below = format!("reference server on {}\nbucket: {place}", server.base_url());
    show.title("A receipts export, written to a bucket under policy", &below);

    let export = export(&server, show).await?;
    let ctx = bucket::context(&storage);
    let receipts = Arc::new(ReceiptFile::create(&folder.path().join("deliveries.jsonl"))?);
    show.step("See what the bucket can do");
    let claims: Vec<_> = storage.descriptor().capabilities.iter().map(|claim| claim.as_str()).collect();
    show.result(claims.join(", "));
    let storage = Governed::new(storage, Arc::new(OwnFolder), Arc::clone(&receipts) as _);
    let written = deliver(&storage, &ctx, &export, show).await?;
    refused(&storage, &ctx, &export, show).await?;
    read_back(&storage, &ctx, &written, show).await?;
    account(&receipts, show)?;

    show.summary();
    show.next(&[
        "run again with --bucket NAME --region REGION, and credentials in the environment".to_owned(),
        "run again with --endpoint URL --bucket NAME for MinIO and other servers".to_owned(),
        "have the server keep the bucket and its receipts: POST /adapters with kind `s3`, in a server built with the feature `s3`"
            .to_owned(),
        "docs/WRITING-AN-ADAPTER.md     what governs the bucket, and how to bring an adapter of your own"
            .to_owned(),
    ]);
    server.stop().await;
    Ok(())
}

/// Does something worth a receipt, exports the log and verifies it.
async fn export(server: &Running, show: &mut Show) -> Result<Export, Failure> {
    show.step("Export the log and verify it");
    let client = Client::builder().base_url(server.base_url()).api_key(server.operator_key()?).build()?;
    for (id, name) in [("acme", "Acme Inc."), ("globex", "Globex Corp."), ("initech", "Initech LLC")] {
        client.tenants().create(&TenantCreate::new(id, name)).send().await?;
    }
    let range = client.receipts().export().send().await?;
    let keys = serde_json::to_vec_pretty(&*client.meta().jwks().send().await?)?;
    let export = Export { range: bytes::Bytes::copy_from_slice(range.as_ref()), keys };
    show.result(format!(
        "{} bytes, {} receipts verified",
        export.range.len(),
        verify(&export.range, &export.keys)?
    ));
    Ok(export)
}

fn verify(range: &[u8], keys: &[u8]) -> Result<u64, Failure> {
    let report = Verifier::new(KeySet::from_jwks(keys)?).verify_range(range);
    match report.first_failure() {
        Some(failure) => Err(format!("the export does not verify: {failure}").into()),
        None => Ok(report.checked),
    }
}

/// Writes the export where nothing is yet, if the bucket can promise that.
async fn deliver(
    storage: &Governed<S3Storage>,
    ctx: &Context,
    export: &Export,
    show: &mut Show,
) -> Result<[ObjectKey; 2], Failure> {
    show.step("Write it to the bucket: policy, intent, effect, outcome");
    // Keys are named by content, so a second export is another object and the same one is the same object.
    let digest = digest(&SHA256, &export.range);
    let digest: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let keys =
        ["receipts.range", "jwks.json"].map(|file| ObjectKey::new(format!("operator/{digest}/{file}")));
    let [range, jwks] = keys;
    let keys = [range?, jwks?];
    let mut rows = Vec::new();
    let bodies = [
        (export.range.clone(), "application/octet-stream"),
        (export.keys.clone().into(), "application/json"),
    ];
    for (key, (body, media_type)) in keys.iter().zip(bodies) {
        let mut options = PutOptions::overwrite().content_type(media_type);
        if storage.descriptor().has(Capability::ConditionalCreate) {
            options.mode = PutMode::Create;
        }
        let size = body.len().to_string();
        let what = match storage.put(ctx, key, body, &options).await {
            Ok(_) => "written",
            Err(error) if *error.kind() == ErrorKind::Conflict(Conflict::Settled) => "was there already",
            Err(error) => return Err(advice(error)),
        };
        rows.push([key.to_string(), size, what.to_owned()]);
    }
    show.table(["object", "bytes", "result"], &rows);
    show.result(format!("{} objects, none replaced", rows.len()));
    Ok(keys)
}

/// Adds what to do to what went wrong.
fn advice(error: AdapterError) -> Failure {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => "give the credentials s3:PutObject and s3:GetObject on operator/*",
        ErrorKind::CredentialsExpired | ErrorKind::CredentialsRevoked | ErrorKind::Unauthenticated => {
            "renew the credentials and run again"
        }
        ErrorKind::WrongRegion => "name the bucket's region with --region",
        ErrorKind::ClockSkew => "set this machine's clock",
        _ => "run again: objects that are there already are left as they are",
    };
    format!("{error}; {advice}").into()
}

/// What policy and region forbid is refused before the bucket hears of it.
async fn refused(
    storage: &Governed<S3Storage>,
    ctx: &Context,
    export: &Export,
    show: &mut Show,
) -> Result<(), Failure> {
    show.step("Try what is not allowed");
    let (own, other) = (ObjectKey::new("operator/copy")?, ObjectKey::new("globex/receipts.range")?);
    let elsewhere = Context::builder("operator", "another-region").build();
    let mut rows = Vec::new();
    for (what, ctx, key) in
        [("into another tenant's folder", ctx, &other), ("for another region", &elsewhere, &own)]
    {
        let Err(error) = storage.write(ctx, key, export.range.clone()).await else {
            return Err(format!("a write {what} was done").into());
        };
        if !matches!(error.kind(), ErrorKind::PolicyDenied { .. } | ErrorKind::WrongRegion) {
            return Err(error.into());
        }
        let receipt = error.receipt_id().unwrap_or_default().to_owned();
        rows.push([what.to_owned(), error.kind().as_str().to_owned(), receipt]);
    }
    show.table(["write", "refused as", "receipt"], &rows);
    show.result(format!("{} refused, each with a receipt", rows.len()));
    Ok(())
}

/// Reads the objects back and verifies the log without the server.
async fn read_back(
    storage: &Governed<S3Storage>,
    ctx: &Context,
    [range, jwks]: &[ObjectKey; 2],
    show: &mut Show,
) -> Result<(), Failure> {
    show.step("Read it back and verify it offline");
    let (range, keys) = (storage.read(ctx, range).await?, storage.read(ctx, jwks).await?);
    show.result(format!("{} receipts verified from the bucket's own bytes", verify(&range, &keys)?));
    Ok(())
}

/// Shows that every intent has its outcome.
fn account(receipts: &ReceiptFile, show: &mut Show) -> Result<(), Failure> {
    show.step("Account for every call of the bucket");
    let receipts = receipts.read()?;
    let text =
        |receipt: &serde_json::Value, name: &str| receipt[name].as_str().unwrap_or_default().to_owned();
    let rows: Vec<[String; 6]> = receipts
        .iter()
        .map(|receipt| {
            ["id", "phase", "verdict", "action", "resource", "intent"].map(|name| text(receipt, name))
        })
        .collect();
    show.table(["receipt", "phase", "verdict", "action", "resource", "of"], &rows);
    let of_phase =
        |phase: &str| receipts.iter().filter(|receipt| receipt["phase"] == phase).collect::<Vec<_>>();
    let (intents, outcomes) = (of_phase("intent"), of_phase("outcome"));
    let open = intents
        .iter()
        .filter(|intent| !outcomes.iter().any(|outcome| outcome["intent"] == intent["id"]))
        .count();
    if open > 0 {
        return Err(format!("{open} intents have no outcome").into());
    }
    show.result(format!("{} intents, each with its outcome", intents.len()));
    Ok(())
}
