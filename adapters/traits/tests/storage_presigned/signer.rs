//! A store with an HTTP door: it signs requests with a toy signature, and a server checks and serves them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::storage::{
    Checksum, DeleteOptions, GetOptions, Head, HeadOptions, ListOptions, ListPage, MemoryStorage, Object,
    ObjectKey, ObjectMeta, PresignOptions, Presigned, PresignedMethod, PutOptions,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, ObjectStorage};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is wrong with the signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Nothing,
    SignsNoMethod,
    SignsNoKey,
    NeverEnds,
    DropsTheType,
    DropsTheLength,
    DropsTheChecksum,
    DropsTheCondition,
}
use Flaw::*;

/// What a signature is over: method, key, end in milliseconds since 1970, and the header fields.
fn signature(flaw: Flaw, method: &str, key: &str, end: &str, headers: &[(String, String)]) -> String {
    let method = if flaw == SignsNoMethod { "" } else { method };
    let key = if flaw == SignsNoKey { "" } else { key };
    let fields: String = headers.iter().map(|(name, value)| format!("{name}={value};")).collect();
    // A checksum is no MAC, but nobody attacks this test.
    Checksum::crc32c(format!("secret {method} {key} {end} {fields}").as_bytes()).to_string()
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}

pub(super) struct Signing {
    inner: MemoryStorage,
    descriptor: Descriptor,
    addr: SocketAddr,
    flaw: Flaw,
}

impl Signing {
    pub(super) async fn start(flaw: Flaw) -> io::Result<Self> {
        let inner = MemoryStorage::new();
        let mut descriptor = inner.descriptor().clone();
        descriptor.capabilities.insert(Capability::Presign);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let served = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let storage = served.clone();
                tokio::spawn(serve(stream, storage, flaw));
            }
        });
        Ok(Self { inner, descriptor, addr, flaw })
    }
}

/// Answers one request.
async fn serve(stream: TcpStream, storage: MemoryStorage, flaw: Flaw) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let request: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
    let (mut signed, mut length) = (Vec::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name {
            "Content-Length" => length = value.parse().map_err(io::Error::other)?,
            "Host" | "Connection" => {}
            _ => signed.push((name.to_owned(), value.to_owned())),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let answer = act(&storage, flaw, &request, &signed, body.into()).await;
    let (status, body) = match &answer {
        Some(body) => ("200 OK", &body[..]),
        None => ("403 Forbidden", &b"no"[..]),
    };
    // In chunks, which is one of the ways servers answer.
    let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = if body.is_empty() { String::new() } else { format!("{:x}\r\n", body.len()) };
    let end = if body.is_empty() { "0\r\n\r\n" } else { "\r\n0\r\n\r\n" };
    stream.write_all(&[head.as_bytes(), chunk.as_bytes(), body, end.as_bytes()].concat()).await
}

/// What a request that is signed right brings; `None` for every other.
async fn act(
    storage: &MemoryStorage,
    flaw: Flaw,
    request: &[String],
    signed: &[(String, String)],
    body: Bytes,
) -> Option<Bytes> {
    let (method, target) = (request.first()?, request.get(1)?);
    let (path, query) = target.split_once('?')?;
    let (end, given) = query.strip_prefix("end=")?.split_once("&signature=")?;
    if signature(flaw, method, path, end, signed) != given {
        return None;
    }
    if flaw != NeverEnds && end.parse::<u128>().ok()? < millis(SystemClock.wall()) {
        return None;
    }
    let ctx = Context::builder("http", "http").build();
    let key = ObjectKey::new(path.strip_prefix('/')?).ok()?;
    if method == "GET" {
        return storage.get(&ctx, &key, &GetOptions::default()).await.ok()?.bytes().await.ok();
    }
    let mut options = PutOptions::overwrite();
    for (name, value) in signed {
        match name.as_str() {
            "If-None-Match" if flaw != DropsTheCondition => options.mode = PutOptions::create().mode,
            "Content-Type" if flaw != DropsTheType => options = options.content_type(value),
            "Length" if flaw != DropsTheLength && value.parse() != Ok(body.len()) => return None,
            "Checksum" if flaw != DropsTheChecksum && *value != Checksum::crc32c(&body).to_string() => {
                return None;
            }
            _ => {}
        }
    }
    storage.put(&ctx, &key, body, &options).await.ok().map(|_| Bytes::new())
}

#[async_trait]
impl ObjectStorage for Signing {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn put(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<ObjectMeta, Error> {
        self.inner.put(ctx, key, body, options).await
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, options: &GetOptions) -> Result<Object, Error> {
        self.inner.get(ctx, key, options).await
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, options: &HeadOptions) -> Result<Head, Error> {
        self.inner.head(ctx, key, options).await
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, options: &DeleteOptions) -> Result<(), Error> {
        self.inner.delete(ctx, key, options).await
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        self.inner.list(ctx, options).await
    }

    async fn list_uploads(
        &self,
        ctx: &Context,
        options: &ListOptions,
    ) -> Result<companyos_adapter_traits::storage::UploadPage, Error> {
        self.inner.list_uploads(ctx, options).await
    }

    async fn presign(
        &self,
        _: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        options.check(&self.descriptor)?;
        let method = if options.method == PresignedMethod::Get { "GET" } else { "PUT" };
        let mut headers = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            headers.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("Content-Type", options.content_type.clone());
        add("Length", options.content_length.map(|bytes| bytes.to_string()));
        add("Checksum", options.checksum.as_ref().map(ToString::to_string));
        add("If-None-Match", options.create.then(|| "*".to_owned()));
        let end = millis(SystemClock.wall() + options.expires_in).to_string();
        let signature = signature(self.flaw, method, &format!("/{key}"), &end, &headers);
        let url = format!("http://{}/{key}?end={end}&signature={signature}", self.addr);
        Ok(Presigned::new(url, headers, options.expires_in.max(Duration::from_secs(1))))
    }
}
