//! The servers.
#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::error::Error as StdError;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use companyos_adapter_traits::Error;
use companyos_adapter_traits::storage::StorageClass;
use companyos_adapters::s3::{AMAZON, S3Credentials, S3Storage, S3StorageBuilder};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpResponse, S3Result, s3_error};
use tokio::net::TcpListener;

use super::bucket::Bucket;

pub(crate) const KEY_ID: &str = "AKIAEXAMPLE";
pub(crate) const SECRET: &str = "a secret that only tests know";
/// A key whose token has expired.
pub(crate) const EXPIRED: &str = "ASIAEXPIRED";
pub(crate) const BUCKET: &str = "objects";

/// What stands between the client and the server: it sees every request, and may answer in its place.
pub(crate) type Script = Box<dyn FnMut(&mut Request<Incoming>) -> Option<HttpResponse> + Send>;

/// s3s on a loopback port, with a bucket in memory.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) bucket: Bucket,
    script: Arc<Mutex<Option<Script>>>,
}

impl Served {
    pub(crate) async fn start() -> Result<Self, Box<dyn StdError>> {
        let bucket = Bucket::default();
        let (url, script) = serve(S3ServiceBuilder::new(bucket.clone())).await?;
        Ok(Self { url, bucket, script })
    }

    /// Sets what answers from now on in place of the server, if it wants to.
    pub(crate) fn script(
        &self,
        script: impl FnMut(&mut Request<Incoming>) -> Option<HttpResponse> + Send + 'static,
    ) {
        *self.script.lock().expect("no script panics") = Some(Box::new(script));
    }

    pub(crate) fn builder(&self) -> S3StorageBuilder {
        builder(&self.url)
    }

    /// A store that claims what Amazon's does, without a probe.
    pub(crate) async fn store(&self) -> Result<S3Storage, Error> {
        self.builder().claims(AMAZON).connect().await
    }
}

/// Whose signatures are checked, and who is refused before that.
struct Keys;

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match access_key {
            KEY_ID => Ok(SECRET.into()),
            EXPIRED => Err(s3_error!(ExpiredToken, "The provided token has expired.")),
            _ => Err(s3_error!(InvalidAccessKeyId)),
        }
    }
}

/// How the bucket [`BUCKET`] at a URL is reached.
pub(crate) fn builder(url: &str) -> S3StorageBuilder {
    S3Storage::builder(BUCKET, "us-east-1").endpoint(url).credentials(S3Credentials::new(KEY_ID, SECRET))
}

/// Serves with s3s, which checks signatures, on a loopback port. The tasks end with the test's runtime.
pub(crate) async fn serve(
    mut builder: S3ServiceBuilder,
) -> Result<(String, Arc<Mutex<Option<Script>>>), Box<dyn StdError>> {
    builder.set_auth(Keys);
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let script: Arc<Mutex<Option<Script>>> = Arc::default();
    let scripted = Arc::clone(&script);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, script) = (service.clone(), Arc::clone(&scripted));
            tokio::spawn(async move {
                let answer = service_fn(move |request| answer(service.clone(), Arc::clone(&script), request));
                let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
            });
        }
    });
    Ok((url, script))
}

async fn answer(
    service: S3Service,
    script: Arc<Mutex<Option<Script>>>,
    mut request: Request<Incoming>,
) -> Result<HttpResponse, s3s::HttpError> {
    if let Some(script) = &mut *script.lock().expect("no script panics")
        && let Some(answer) = script(&mut request)
    {
        return Ok(answer);
    }
    service.call(request.map(Body::from)).await
}

/// A refusal as S3 words it.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> HttpResponse {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    let mut answer = HttpResponse::new(Body::from(body));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert("x-amz-request-id", "4442587FB7D0A2F9".parse().expect("a value"));
    answer
}

/// The base URL of moto, if the run has one.
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
pub(crate) fn moto() -> Option<String> {
    let url = std::env::var("COMPANYOS_TEST_MOTO").ok();
    if url.is_none() {
        eprintln!("skipped: COMPANYOS_TEST_MOTO is not set; `cargo contract test --only test` sets it");
    }
    url
}

/// A client of the vendor, for what only the owner of a bucket does.
pub(crate) fn vendor(url: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .force_path_style(true)
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "test"));
    aws_sdk_s3::Client::from_conf(config.build())
}

/// A fresh bucket at moto that has all a bucket can have.
pub(crate) async fn bucket(url: &str, name: &str) -> Result<S3StorageBuilder, Box<dyn StdError>> {
    let _ = vendor(url).create_bucket().bucket(name).object_lock_enabled_for_bucket(true).send().await?;
    Ok(S3Storage::builder(name, "us-east-1")
        .endpoint(url)
        .credentials(S3Credentials::new(KEY_ID, SECRET))
        .storage_classes(["STANDARD", "STANDARD_IA", "GLACIER_IR"].map(StorageClass::new))
        .kms_encryption())
}
