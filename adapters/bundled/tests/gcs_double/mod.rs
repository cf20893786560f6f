//! A Cloud Storage that answers as a test tells it to, broken off and silent included.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use companyos_adapters::gcs::{GcsCredentials, GcsStorage, GcsStorageBuilder};
use companyos_adapters::traits::Context;
use companyos_adapters::traits::storage::Checksum;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const BUCKET: &str = "bucket";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, encoded.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Where it arrived.
    pub(crate) local: SocketAddr,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Whether it describes the object rather than reads it.
    pub(crate) fn describes(&self) -> bool {
        self.method == "GET" && !self.target.contains("alt=media")
    }

    pub(crate) fn reads(&self) -> bool {
        self.target.contains("alt=media")
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    sent: usize,
    silent: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { status, headers: Vec::new(), sent: body.len(), body, silent: false }
    }

    pub(crate) fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Promises the whole body, sends so many bytes of it and closes the connection.
    pub(crate) fn cut_after(mut self, bytes: usize) -> Self {
        self.sent = bytes;
        self
    }

    /// Promises the whole body, sends so many bytes of it and leaves the connection open.
    pub(crate) fn silent_after(mut self, bytes: usize) -> Self {
        (self.sent, self.silent) = (bytes, true);
        self
    }

    /// Sends another body than was described.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        (self.sent, self.body) = (body.len(), body.to_vec());
        self
    }

    /// No answer, and the connection stays open.
    pub(crate) fn none() -> Self {
        Self { status: 0, ..Self::new(200, "") }.silent_after(0)
    }

    /// No answer, and the connection is closed.
    pub(crate) fn gone() -> Self {
        Self { status: 0, ..Self::new(200, "") }
    }
}

/// A refusal in the service's words.
pub(crate) fn refusal(status: u16, reason: &str) -> Answer {
    let errors = [json!({ "domain": "global", "reason": reason, "message": "words that name an object" })];
    let error = json!({ "code": status, "message": "words that name an object", "errors": errors });
    Answer::new(status, json!({ "error": error }).to_string())
}

/// The description of an object.
pub(crate) fn object(generation: i64, body: &[u8]) -> Answer {
    Answer::new(200, resource(generation, body).to_string())
}

pub(crate) fn resource(generation: i64, body: &[u8]) -> Value {
    json!({
        "name": "a/b",
        "bucket": BUCKET,
        "generation": generation.to_string(),
        "metageneration": "1",
        "size": body.len().to_string(),
        "timeCreated": "2026-01-02T03:04:05.678Z",
        "updated": "2026-01-02T03:04:05.678Z",
        "storageClass": "STANDARD",
        "crc32c": crc32c(body),
    })
}

/// The whole body of an object.
pub(crate) fn media(generation: i64, body: &[u8]) -> Answer {
    Answer::new(200, body)
        .header("x-goog-generation", generation)
        .header("x-goog-metageneration", 1)
        .header("x-goog-stored-content-length", body.len())
        .header("x-goog-hash", format!("crc32c={}", crc32c(body)))
}

/// A part of the body of an object.
pub(crate) fn part(generation: i64, body: &[u8], from: usize) -> Answer {
    Answer::new(206, &body[from..])
        .header("x-goog-generation", generation)
        .header("content-range", format!("bytes {from}-{}/{}", body.len() - 1, body.len()))
}

fn crc32c(body: &[u8]) -> String {
    BASE64_STANDARD.encode(Checksum::crc32c(body).value)
}

/// The server.
pub(crate) struct Double {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Double {
    /// Answers what the bucket is by itself, and everything else as `answer` says.
    pub(crate) async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some(request) = read(&mut stream).await else { return };
                    let answer = if request.target.starts_with(&format!("/storage/v1/b/{BUCKET}?")) {
                        Answer::new(200, json!({ "location": "EU" }).to_string())
                    } else {
                        seen.lock().unwrap().push(request.clone());
                        answer(&request)
                    };
                    write(stream.get_mut(), &answer).await;
                });
            }
        });
        Self { url, requests, task }
    }

    pub(crate) fn builder(&self) -> GcsStorageBuilder {
        GcsStorage::builder(BUCKET, "EU").endpoint(&self.url).credentials(GcsCredentials::anonymous())
    }

    pub(crate) async fn connect(&self) -> GcsStorage {
        self.builder().connect().await.unwrap()
    }

    /// Takes no more connections.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// What has arrived, but the questions about the bucket.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let local = stream.get_ref().local_addr().ok()?;
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new(), local };
    if request.header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut piece = vec![0; size + 2];
            stream.read_exact(&mut piece).await.ok()?;
            request.body.extend_from_slice(&piece[..size]);
            if size == 0 {
                break;
            }
        }
    } else {
        let size = request.header("content-length").map_or(0, |size| size.parse().unwrap());
        request.body = vec![0; size];
        stream.read_exact(&mut request.body).await.ok()?;
    }
    Some(request)
}

async fn write(stream: &mut TcpStream, answer: &Answer) {
    if answer.status > 0 {
        let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", answer.status);
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
        answer.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str("\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&answer.body[..answer.sent]).await;
    }
    if answer.silent {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let _ = stream.shutdown().await;
}

/// A service account, which signs its own tokens.
pub(crate) fn service_account() -> GcsCredentials {
    let (json, _) = crate::gcs_key::service_account_key("secret-agent@test.iam.gserviceaccount.com");
    GcsCredentials::service_account_key(json)
}

pub(crate) fn ctx() -> Context {
    Context::builder("acme", "eu-central").build()
}
