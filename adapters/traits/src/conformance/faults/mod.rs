//! A network that fails on demand: a TCP proxy that stands between an adapter and its provider, and cuts, stalls,
//! corrupts and duplicates as it is told.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use companyos_adapter_traits::conformance::faults::{Direction, Fault, FaultPlan, FaultProxy};
//!
//! let proxy = FaultProxy::start("127.0.0.1:9000", FaultPlan::none()).await?;
//! let endpoint = proxy.url(); // for the adapter's configuration
//!
//! // The next connection loses its answer; those after it are left alone.
//! proxy.set_plan(FaultPlan::script([Some(Fault::Cut { direction: Direction::Down, after: 0 })]));
//!
//! // One request in a hundred fails, in a way and at a place drawn from the seed.
//! proxy.set_plan(FaultPlan::rate(42, 0.01));
//! println!("{:?}", proxy.counts());
//! # Ok(())
//! # }
//! ```
//!
//! It knows no protocol. An *exchange* begins when the client sends after the server has answered, which for HTTP/1.1
//! without pipelining is a request. Under TLS a corrupted byte ends the connection, and a duplicate is refused.

mod plan;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs, lookup_host};
use tokio::task::{JoinHandle, JoinSet};

pub use plan::{Direction, Fault, FaultPlan};

use self::plan::Draw;

/// What a proxy has done so far. A fault counts when it strikes, not when it is planned: one that is planned for a place
/// that the exchange never reaches does not strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FaultCounts {
    /// Connections accepted.
    pub connections: u64,
    /// Exchanges begun.
    pub exchanges: u64,
    /// Connections cut.
    pub cut: u64,
    /// Times that bytes were held back.
    pub stalled: u64,
    /// Bytes changed.
    pub corrupted: u64,
    /// Requests sent twice.
    pub duplicated: u64,
}

impl FaultCounts {
    /// All faults that struck.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.cut + self.stalled + self.corrupted + self.duplicated
    }
}

#[derive(Default)]
struct Counters {
    connections: AtomicU64,
    exchanges: AtomicU64,
    cut: AtomicU64,
    stalled: AtomicU64,
    corrupted: AtomicU64,
    duplicated: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

struct Shared {
    upstream: SocketAddr,
    draw: Mutex<Draw>,
    counters: Counters,
}

impl Shared {
    fn draw<T>(&self, of: impl FnOnce(&mut Draw) -> T) -> T {
        of(&mut self.draw.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A TCP proxy on a free port of the loopback interface. Dropping it closes it and all its connections.
pub struct FaultProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy before `upstream`, within the Tokio runtime it is called in.
    ///
    /// # Errors
    /// Those of resolving `upstream` and of opening a port.
    pub async fn start(upstream: impl ToSocketAddrs, plan: FaultPlan) -> io::Result<Self> {
        let upstream = lookup_host(upstream).await?.next();
        let upstream = upstream.ok_or_else(|| io::Error::other("the upstream has no address"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let shared =
            Arc::new(Shared { upstream, draw: Mutex::new(Draw::new(plan)), counters: Counters::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, as the root of HTTP URLs: without TLS and without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Follows another plan from now on. A fault that an exchange under way has drawn stays drawn.
    pub fn set_plan(&self, plan: FaultPlan) {
        self.shared.draw(|draw| *draw = Draw::new(plan));
    }

    /// What it has done since it was started.
    #[must_use]
    pub fn counts(&self) -> FaultCounts {
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FaultCounts {
            connections: read(&counters.connections),
            exchanges: read(&counters.exchanges),
            cut: read(&counters.cut),
            stalled: read(&counters.stalled),
            corrupted: read(&counters.corrupted),
            duplicated: read(&counters.duplicated),
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // The connections go with the set that the task owns.
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that could not be accepted is one that the client lost, as networks do.
        let Ok((client, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        count(&shared.counters.connections);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let fault = shared.draw(Draw::connection);
            // Nobody listening upstream shows to the client as a connection that ends.
            let Ok(server) = TcpStream::connect(shared.upstream).await else { return };
            // Whatever ends a connection, the client sees it end.
            let _ = relay::run(client, server, &shared, fault).await;
        });
    }
}
