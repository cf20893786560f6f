//! The bucket: one of your own, or one in this process.

use std::error::Error;
use std::path::Path;

use companyos_adapter_traits::{Context, ObjectStorage as _};
use companyos_adapters::s3::{S3Credentials, S3Storage};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

type Failure = Box<dyn Error + Send + Sync>;

const BUCKET: &str = "exports";
const KEY_ID: &str = "AKIAEXAMPLE";
const SECRET: &str = "known-to-this-example-only";

/// The region of the provider, as the host's contexts name it.
pub(crate) const REGION: &str = "us-east-1";

/// An S3 server with one bucket, in a folder, on a free loopback port. It ends with the process.
pub(crate) async fn in_process(folder: &Path) -> Result<(S3Storage, String), Failure> {
    std::fs::create_dir_all(folder.join(BUCKET))?;
    let files = FileSystem::new(folder).map_err(|error| format!("the bucket's folder: {error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone());
            // A client that hangs up is no trouble of the server's.
            tokio::spawn(async move { connection.await.unwrap_or_default() });
        }
    });
    let credentials = S3Credentials::new(KEY_ID, SECRET);
    let storage =
        S3Storage::builder(BUCKET, REGION).endpoint(&url).credentials(credentials).connect().await?;
    Ok((storage, format!("{url}/{BUCKET}, an S3 server in this process")))
}

/// A bucket of Amazon's, or of another server at `endpoint`; credentials are those of the standard chain.
pub(crate) async fn of_ones_own(
    bucket: &str,
    region: &str,
    endpoint: Option<&str>,
) -> Result<(S3Storage, String), Failure> {
    let mut builder = S3Storage::builder(bucket, region);
    if let Some(url) = endpoint {
        builder = builder.endpoint(url);
    }
    let storage = builder.connect().await.map_err(|error| {
        format!(
            "the bucket {bucket} cannot be used: {error}. Check that it exists in {region} and that the standard \
             chain has credentials for it (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile); or run \
             without --bucket, which needs none."
        )
    })?;
    Ok((
        storage,
        format!("{} in {region}", endpoint.map_or(bucket.to_owned(), |url| format!("{url}/{bucket}"))),
    ))
}

/// For whom and where the export is written: it is the operator's, because it holds the receipts of all tenants.
pub(crate) fn context(storage: &S3Storage) -> Context {
    let region = storage.descriptor().region.as_deref().unwrap_or(REGION);
    Context::builder("operator", region).build()
}
