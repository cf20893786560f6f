//! A store behind a small protocol of its own, so that there is a network to fail: one connection per call, on it one
//! frame each way. A frame is its length, its CRC-32C, a line of JSON and a body.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::storage::{
    Attributes, Checksum, DeleteOptions, ETag, GetOptions, Head, HeadOptions, ListOptions, ListPage,
    MemoryStorage, Object, ObjectKey, ObjectMeta, PutMode, PutOptions,
};
use companyos_adapter_traits::{
    Capability, Conflict, Context, Descriptor, Error, ErrorKind, ObjectStorage, Outcome,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is wrong with a client, or with the server it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Nothing,
    CallsDoubtNotSent,
    RepeatsCreates,
    TrustsAnswers,
    ServerTakesAnything,
    WaitsForEver,
    AcknowledgesEarly,
    HandsOutHalves,
}
use Flaw::*;

/// Serves a store in memory, and says where.
pub(super) async fn serve(flaw: Flaw) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let storage = MemoryStorage::new();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let storage = storage.clone();
            tokio::spawn(async move {
                // A frame that does not arrive whole is not answered.
                let (head, body) = receive(&mut stream, flaw != ServerTakesAnything, false).await?;
                let (answer, body) = match answer(&storage, &head, body).await {
                    Ok(done) => done,
                    Err(error) => (json!({ "error": error.kind().as_str() }), Bytes::new()),
                };
                send(&mut stream, &answer, &body).await
            });
        }
    });
    Ok(addr)
}

async fn answer(storage: &MemoryStorage, head: &Value, body: Bytes) -> Result<(Value, Bytes), Error> {
    let ctx = Context::builder("wire", "wire").build();
    let text = |name: &str| head[name].as_str().unwrap_or_default().to_owned();
    if head["do"] == "list" {
        let page = storage.list(&ctx, &ListOptions::prefix(text("prefix"))).await?;
        let objects: Vec<_> = page.objects.iter().map(|meta| (meta.key.as_str(), meta.size)).collect();
        return Ok((json!({ "objects": objects }), Bytes::new()));
    }
    let key = ObjectKey::new(text("key"))?;
    match head["do"].as_str() {
        Some("put") => {
            let options = if head["create"] == true { PutOptions::create() } else { PutOptions::overwrite() };
            let meta = storage.put(&ctx, &key, body, &options).await?;
            Ok((json!({ "size": meta.size }), Bytes::new()))
        }
        Some("get") => {
            let body = storage.get(&ctx, &key, &GetOptions::default()).await?.bytes().await?;
            Ok((json!({ "size": body.len() }), body))
        }
        _ => {
            storage.delete(&ctx, &key, &DeleteOptions::default()).await?;
            Ok((json!({}), Bytes::new()))
        }
    }
}

async fn send(stream: &mut TcpStream, head: &Value, body: &[u8]) -> io::Result<()> {
    let payload = [format!("{head}\n").as_bytes(), body].concat();
    stream.write_all(&(payload.len() as u32).to_be_bytes()).await?;
    stream.write_all(&Checksum::crc32c(&payload).value).await?;
    stream.write_all(&payload).await
}

async fn receive(stream: &mut TcpStream, check: bool, halves: bool) -> io::Result<(Value, Bytes)> {
    let mut preface = [0; 8];
    stream.read_exact(&mut preface).await?;
    let (len, crc) = preface.split_at(4);
    let len = u32::from_be_bytes(len.try_into().map_err(io::Error::other)?);
    let mut payload = Vec::new();
    let read = stream.take(len.into()).read_to_end(&mut payload).await?;
    if read < len as usize && !halves {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if check && Checksum::crc32c(&payload).value != crc {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let line = payload.iter().position(|byte| *byte == b'\n').ok_or(io::ErrorKind::InvalidData)?;
    let head = serde_json::from_slice(&payload[..line])?;
    Ok((head, Bytes::from(payload).slice(line + 1..)))
}

/// The store as its client sees it.
pub(super) struct Wire {
    addr: SocketAddr,
    flaw: Flaw,
    descriptor: Descriptor,
}

impl Wire {
    pub(super) fn new(addr: SocketAddr, flaw: Flaw) -> Self {
        let claims = [Capability::ConditionalCreate, Capability::Checksums];
        Self { addr, flaw, descriptor: Descriptor::new("wire", "1").with_capabilities(claims) }
    }

    async fn call(&self, ctx: &Context, head: Value, body: &[u8]) -> Result<(Value, Bytes), Error> {
        ctx.check_deadline(SystemClock.now())?;
        let forever = Duration::from_secs(3600);
        let patience =
            ctx.remaining(SystemClock.now()).filter(|_| self.flaw != WaitsForEver).unwrap_or(forever);
        let exchanged = tokio::time::timeout(patience, self.exchange(&head, body)).await;
        let exchanged = exchanged.map_err(|_| Error::new(ErrorKind::DeadlineExceeded, "no answer in time"));
        match exchanged.and_then(|exchanged| exchanged) {
            Err(error) if self.flaw == RepeatsCreates && *error.kind() == ErrorKind::Unavailable => {
                self.exchange(&head, body).await
            }
            Err(error) if self.flaw == CallsDoubtNotSent => Err(error.with_outcome(Outcome::NotSent)),
            other => other,
        }
    }

    async fn exchange(&self, head: &Value, body: &[u8]) -> Result<(Value, Bytes), Error> {
        let failed =
            |error: io::Error| Error::new(ErrorKind::Unavailable, "the call broke off").with_source(error);
        let mut stream = TcpStream::connect(self.addr)
            .await
            .map_err(|error| failed(error).with_outcome(Outcome::NotSent))?;
        send(&mut stream, head, body).await.map_err(failed)?;
        if self.flaw == AcknowledgesEarly && head["do"] == "put" {
            // The connection lives until the server has closed it.
            tokio::spawn(async move { receive(&mut stream, false, true).await });
            return Ok((json!({ "size": body.len() }), Bytes::new()));
        }
        let halves = self.flaw == HandsOutHalves;
        let check = self.flaw != TrustsAnswers && !halves;
        let (answer, body) = receive(&mut stream, check, halves).await.map_err(failed)?;
        match answer["error"].as_str() {
            None => Ok((answer, body)),
            Some("not_found") => Err(Error::new(ErrorKind::NotFound, "there is no such object")),
            Some("conflict_settled") => {
                Err(Error::new(ErrorKind::Conflict(Conflict::Settled), "it is there"))
            }
            Some(kind) => Err(Error::new(ErrorKind::Internal, kind)),
        }
    }

    fn meta(key: &ObjectKey, size: u64) -> ObjectMeta {
        ObjectMeta::new(key.clone(), size, ETag::new(size.to_string()), SystemTime::UNIX_EPOCH)
    }
}

#[async_trait]
impl ObjectStorage for Wire {
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
        let create = options.mode == PutMode::Create;
        let head = json!({ "do": "put", "key": key.as_str(), "create": create });
        self.call(ctx, head, &body).await?;
        Ok(Self::meta(key, body.len() as u64))
    }

    async fn get(&self, ctx: &Context, key: &ObjectKey, _: &GetOptions) -> Result<Object, Error> {
        let (_, body) = self.call(ctx, json!({ "do": "get", "key": key.as_str() }), b"").await?;
        let size = body.len() as u64;
        Ok(Object::from_bytes(Head::new(Self::meta(key, size), Attributes::default()), 0..size, body))
    }

    async fn head(&self, ctx: &Context, key: &ObjectKey, _: &HeadOptions) -> Result<Head, Error> {
        let object = self.get(ctx, key, &GetOptions::default()).await?;
        Ok(Head::new(object.meta, object.attributes))
    }

    async fn delete(&self, ctx: &Context, key: &ObjectKey, _: &DeleteOptions) -> Result<(), Error> {
        self.call(ctx, json!({ "do": "delete", "key": key.as_str() }), b"").await.map(|_| ())
    }

    async fn list(&self, ctx: &Context, options: &ListOptions) -> Result<ListPage, Error> {
        let (answer, _) = self.call(ctx, json!({ "do": "list", "prefix": options.prefix }), b"").await?;
        let objects = answer["objects"].as_array().into_iter().flatten().filter_map(|object| {
            let key = ObjectKey::new(object[0].as_str()?).ok()?;
            Some(Self::meta(&key, object[1].as_u64()?))
        });
        Ok(ListPage::new(objects.collect(), None))
    }
}
