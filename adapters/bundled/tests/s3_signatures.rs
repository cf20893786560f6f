//! Signatures that a second server verifies: moto with its authentication switched on, and users with rights. A test
//! target of its own, because the switch is one for the whole server: nothing else may use it meanwhile.

use std::error::Error as StdError;

use companyos_adapter_traits::storage::{ObjectKey, PutOptions};
use companyos_adapter_traits::{Context, ErrorKind, ObjectStorage, ObjectStorageExt, Outcome};
use companyos_adapters::s3::{S3Credentials, S3Storage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

type Test = Result<(), Box<dyn StdError>>;

const BUCKET: &str = "signatures";
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
const READING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}]}"#;

struct Moto {
    host: String,
}

impl Moto {
    /// Sends a request as it stands, and returns the whole answer if it is a success.
    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<String, Box<dyn StdError>> {
        let (host, length) = (&self.host, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: \
             {length}\r\n\r\n{body}"
        );
        let mut socket = TcpStream::connect(host).await?;
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        match answer.split(' ').nth(1) {
            Some("200") => Ok(answer),
            _ => Err(format!("{method} {path}: {answer}").into()),
        }
    }

    /// How many requests are let through before authentication begins.
    async fn authenticate_after(&self, requests: u32) -> Test {
        let headers = "content-type: text/plain\r\n";
        self.send("POST", "/moto-api/reset-auth", headers, &requests.to_string()).await.map(drop)
    }

    async fn iam(&self, call: &str) -> Result<String, Box<dyn StdError>> {
        let headers = "content-type: application/x-www-form-urlencoded\r\nauthorization: AWS4-HMAC-SHA256 \
                       Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x\r\n";
        self.send("POST", "/", headers, &format!("{call}&Version=2010-05-08")).await
    }

    /// A user with a policy, and its keys.
    async fn user(&self, name: &str, policy: &str) -> Result<(String, String), Box<dyn StdError>> {
        self.iam(&format!("Action=CreateUser&UserName={name}")).await?;
        let policy: String = policy.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let call = format!("Action=PutUserPolicy&UserName={name}&PolicyName=p&PolicyDocument={policy}");
        self.iam(&call).await?;
        let made = self.iam(&format!("Action=CreateAccessKey&UserName={name}")).await?;
        let field = |name: &str| {
            let (_, rest) = made.split_once(&format!("<{name}>"))?;
            rest.split('<').next().map(str::to_owned)
        };
        Ok((field("AccessKeyId").ok_or("no id")?, field("SecretAccessKey").ok_or("no secret")?))
    }

    fn open(&self, id: &str, secret: &str) -> companyos_adapters::s3::S3StorageBuilder {
        S3Storage::builder(BUCKET, "us-east-1")
            .endpoint(format!("http://{}", self.host))
            .credentials(S3Credentials::new(id, secret))
    }
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
async fn a_second_server_verifies_who_asks_and_what_for() -> Test {
    let Ok(url) = std::env::var("COMPANYOS_TEST_MOTO") else {
        eprintln!("skipped: COMPANYOS_TEST_MOTO is not set; `cargo contract test --only test` sets it");
        return Ok(());
    };
    let moto = Moto { host: url.trim_start_matches("http://").to_owned() };
    // One server may see more than one run.
    let run = std::process::id();
    let writer = moto.user(&format!("writer-{run}"), EVERYTHING).await?;
    let reader = moto.user(&format!("reader-{run}"), READING).await?;
    moto.send("PUT", &format!("/{BUCKET}"), "", "").await?;
    moto.authenticate_after(0).await?;
    let result = verified(&moto, writer, reader).await;
    // Whatever came of it: others use the server after us.
    moto.authenticate_after(u32::MAX).await?;
    result
}

async fn verified(moto: &Moto, writer: (String, String), reader: (String, String)) -> Test {
    let ctx = Context::builder("acme", "us-east-1").build();
    let key = ObjectKey::new(format!("reports/{}: caf\u{e9} + tea.csv", std::process::id()))?;
    let store = moto.open(&writer.0, &writer.1).connect().await?;
    let options = PutOptions::create().content_type("text/csv; header=present");
    store.put(&ctx, &key, "a;b;c".into(), &options).await?;
    assert_eq!(store.read(&ctx, &key).await?, "a;b;c");
    assert_eq!(store.list_all(&ctx, key.as_str()).await?.len(), 1);

    for (id, secret, kind) in [
        ("AKIAUNKNOWNUNKNOWN00", "secret", ErrorKind::CredentialsRevoked),
        (&writer.0, "another secret", ErrorKind::Unauthenticated),
    ] {
        let error = moto.open(id, secret).connect().await.err().ok_or("a stranger was let in")?;
        assert_eq!((error.kind(), error.outcome()), (&kind, Outcome::Answered), "{error}");
    }

    // Without the right to write there is nothing to probe with, and reading works all the same.
    let store = moto.open(&reader.0, &reader.1).connect().await?;
    assert_eq!(store.read(&ctx, &key).await?, "a;b;c");
    let error = store.write(&ctx, &key, "replaced").await.err().ok_or("a reader wrote")?;
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::PermissionDenied, Outcome::Answered), "{error}");
    assert_eq!(store.read(&ctx, &key).await?, "a;b;c");
    Ok(())
}
