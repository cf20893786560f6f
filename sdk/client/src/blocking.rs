//! The same client without async, on a runtime of its own (feature `blocking`).
//!
//! Every operation of the async client is at hand: write the call in a closure, without `.await`.
//!
//! ```no_run
//! use companyos_sdk::{Client, blocking};
//!
//! # fn main() -> Result<(), companyos_sdk::Error> {
//! let client = blocking::Client::new(Client::builder().base_url("http://127.0.0.1:8027").build()?)?;
//! let meta = client.run(|client| client.meta().get().send())?;
//! for tenant in client.iter(|client| client.tenants().list().by_item()) {
//!     tracing::info!("{}", tenant?.name);
//! }
//! # drop(meta);
//! # Ok(())
//! # }
//! ```

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::core::error::{Error, Kind};

/// A client whose calls block the calling thread.
///
/// Threads may share one; their calls then take turns.
#[derive(Debug)]
pub struct Client {
    runtime: Runtime,
    client: crate::Client,
}

impl Client {
    /// Gives a client a runtime of its own.
    ///
    /// Use the async client only through this one from here on: its connections live on this runtime.
    ///
    /// # Errors
    ///
    /// When the operating system refuses what a runtime needs.
    pub fn new(client: crate::Client) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::new(Kind::Config, "no runtime can be started").caused_by(error))?;
        Ok(Self { runtime, client })
    }

    /// Makes a call and waits for its end.
    ///
    /// # Errors
    ///
    /// The call's own, and [`Error::is_invalid_request`] when this thread runs async code already: blocking it would
    /// stop what the call waits for.
    pub fn run<'c, F, Fut, T>(&'c self, call: F) -> Result<T, Error>
    where
        F: FnOnce(&'c crate::Client) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        refuse_within_async()?;
        self.runtime.block_on(call(&self.client))
    }

    /// Iterates over the items of a stream, such as `by_item()`, `by_page()` or a poller's `progress()`.
    ///
    /// Each item is fetched when the iterator is asked for it.
    pub fn iter<'c, F, S, T>(&'c self, call: F) -> Iter<'c, T>
    where
        F: FnOnce(&'c crate::Client) -> S,
        S: Stream<Item = Result<T, Error>> + Send + 'c,
    {
        Iter { runtime: &self.runtime, stream: Some(call(&self.client).boxed()) }
    }

    /// Returns the async client.
    #[must_use]
    pub fn client(&self) -> &crate::Client {
        &self.client
    }
}

/// What [`Client::iter`] returns.
pub struct Iter<'c, T> {
    runtime: &'c Runtime,
    stream: Option<BoxStream<'c, Result<T, Error>>>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.stream.as_mut()?;
        if let Err(error) = refuse_within_async() {
            self.stream = None;
            return Some(Err(error));
        }
        let next = self.runtime.block_on(stream.next());
        if next.is_none() {
            self.stream = None;
        }
        next
    }
}

impl<T> std::fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

/// Tokio panics when a runtime is blocked on from within another; say it in an error instead.
fn refuse_within_async() -> Result<(), Error> {
    if Handle::try_current().is_ok() {
        return Err(Error::new(
            Kind::Request,
            "the blocking client was called from async code; use the async client",
        ));
    }
    Ok(())
}
