//! A closed-loop HTTP/1.1 load generator: every client keeps one connection and sends its next request when the
//! answer to the last one has arrived.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::BenchError;
use crate::kernel::clock::Clock;

/// Makes the request number `n`; requests of one run must differ where the server deduplicates.
pub(super) type MakeRequest = Arc<dyn Fn(u64) -> Request<Full<Bytes>> + Send + Sync>;

/// A connection that asks one thing after the other.
pub(super) struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    /// Connects to a server on this machine.
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends one request and reads the whole answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, BenchError> {
        self.sender.ready().await?;
        let (parts, body) = self.sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }
}

/// What one run came to.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Answers with the expected status, per second.
    pub(super) per_second: f64,
    /// Latencies in microseconds, ascending.
    latencies: Vec<u32>,
}

impl Sample {
    /// The latency that `share` of the requests did not exceed.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        Duration::from_micros(self.latencies.get(index).copied().unwrap_or(0).into())
    }
}

/// What to send, to whom, and for how long.
pub(super) struct Load {
    /// The server.
    pub(super) address: SocketAddr,
    /// Concurrent clients.
    pub(super) clients: u64,
    /// How long to send.
    pub(super) duration: Duration,
    /// The status of a good answer; any other ends the run with an error.
    pub(super) expect: StatusCode,
    /// The requests.
    pub(super) make: MakeRequest,
}

impl Load {
    /// Runs the load to its end.
    pub(super) async fn run(&self, clock: &Arc<dyn Clock>) -> Result<Sample, BenchError> {
        let started = clock.instant();
        let stop = started + self.duration;
        let mut tasks = tokio::task::JoinSet::new();
        for client in 0..self.clients {
            let connection = Client::connect(self.address).await?;
            tasks.spawn(run_client(
                connection,
                Numbers { next: client, step: self.clients },
                Arc::clone(&self.make),
                self.expect,
                Arc::clone(clock),
                stop,
            ));
        }
        let mut latencies = Vec::new();
        while let Some(done) = tasks.join_next().await {
            latencies.append(&mut done.map_err(|error| BenchError::Server(error.to_string()))??);
        }
        let elapsed = clock.instant().duration_since(started).as_secs_f64();
        latencies.sort_unstable();
        let per_second = latencies.len() as f64 / elapsed;
        Ok(Sample { per_second, latencies })
    }
}

/// The request numbers of one client: no two clients share one.
struct Numbers {
    next: u64,
    step: u64,
}

async fn run_client(
    mut connection: Client,
    mut numbers: Numbers,
    make: MakeRequest,
    expect: StatusCode,
    clock: Arc<dyn Clock>,
    stop: Instant,
) -> Result<Vec<u32>, BenchError> {
    let mut latencies = Vec::new();
    loop {
        let begin = clock.instant();
        if begin >= stop {
            return Ok(latencies);
        }
        let answer = connection.send(make(numbers.next)).await?;
        numbers.next += numbers.step;
        if answer.status() != expect {
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            return Err(BenchError::Answer { status: answer.status(), body: text });
        }
        let micros = clock.instant().duration_since(begin).as_micros();
        latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
    }
}
