//! Sending a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::{Context, Error, ErrorKind};
use http::{Request, Response};
use reqwest::redirect;
use tokio::time::{Instant, timeout_at};

use super::body::{self, BodyStream};
use super::{HttpConfig, failure, target};

/// An HTTP/1.1 client within the bounds of an [`HttpConfig`]. Clones share the connections.
///
/// Must be used within a Tokio runtime. Dropping the future of a call leaves it open whether the request is acted on.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    total_timeout: Duration,
    max_response_bytes: usize,
    https_only: bool,
}

/// Bounds what is added to an instant, which overflows centuries from now.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// When a call ends.
#[derive(Debug, Clone, Copy)]
struct End {
    at: Instant,
    /// Whether it is the caller's deadline that ends it, and not the total timeout.
    by_deadline: bool,
    deadline: Option<Instant>,
}

impl HttpClient {
    /// Builds a client. Reads the platform's trust roots.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a root certificate cannot be read or the platform offers no trust roots.
    pub fn new(config: &HttpConfig, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let cannot = |what: &'static str| {
            move |cause: reqwest::Error| Error::new(ErrorKind::InvalidInput, what).with_source(cause)
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("companyos-adapters/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.read_timeout)
            .redirect(redirect::Policy::none())
            .referer(false)
            // Another crate of the program may switch these on through reqwest's features.
            .no_proxy()
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .retry(reqwest::retry::never());
        let mut roots = Vec::new();
        for pem in &config.roots {
            let bundle = reqwest::Certificate::from_pem_bundle(pem);
            roots.extend(bundle.map_err(cannot("a root certificate cannot be read"))?);
        }
        builder = if config.platform_roots {
            builder.tls_certs_merge(roots)
        } else {
            builder.tls_certs_only(roots)
        };
        Ok(Self {
            client: builder.build().map_err(cannot("the HTTP client cannot be built"))?,
            clock,
            total_timeout: config.total_timeout,
            max_response_bytes: config.max_response_bytes,
            https_only: config.https_only,
        })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] (not sent) for a URL that is neither https nor plain http to the own machine.
    /// - [`ErrorKind::DeadlineExceeded`] when the deadline had passed (not sent) or passed meanwhile (maybe sent).
    /// - [`ErrorKind::Unavailable`] when there is no connection (not sent) or no answer (maybe sent).
    /// - [`ErrorKind::Internal`] for a redirect (answered) or an answer that is too large (maybe sent).
    pub async fn send(&self, ctx: &Context, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let (head, mut body, end) = self.begin(ctx, request).await?;
        let read = body::read(&mut body, self.max_response_bytes);
        let bytes = timeout_at(end.at, read).await.map_err(|_| failure::timed_out(end.by_deadline))??;
        Ok(Response::from_parts(head, bytes))
    }

    /// Sends a request and hands on the answer's body as it arrives, bounded by the read timeout and the deadline but
    /// not in size.
    ///
    /// # Errors
    /// Those of [`HttpClient::send`]; a body that breaks off ends in [`ErrorKind::Unavailable`].
    pub async fn open(&self, ctx: &Context, request: Request<Bytes>) -> Result<Response<BodyStream>, Error> {
        let (head, body, end) = self.begin(ctx, request).await?;
        Ok(Response::from_parts(head, body::stream(body, end.deadline)))
    }

    async fn begin(
        &self,
        ctx: &Context,
        request: Request<Bytes>,
    ) -> Result<(http::response::Parts, reqwest::Response, End), Error> {
        target::check(request.uri(), self.https_only)?;
        ctx.check_deadline(self.clock.now())?;
        let end = self.end(ctx);
        let request = reqwest::Request::try_from(request).map_err(failure::unanswered)?;
        let response = timeout_at(end.at, self.client.execute(request))
            .await
            .map_err(|_| failure::timed_out(end.by_deadline))?
            .map_err(failure::unanswered)?;
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = response.status();
        head.headers = response.headers().clone();
        target::refuse_redirect(head.status, &head.headers)?;
        Ok((head, response, end))
    }

    fn end(&self, ctx: &Context) -> End {
        let now = Instant::now();
        let at = now + self.total_timeout.min(LONGEST);
        // Carried over to the runtime's clock as the time that is left.
        let deadline = ctx.remaining(self.clock.now()).map(|left| now + left);
        match deadline.filter(|deadline| *deadline < at) {
            Some(deadline) => End { at: deadline, by_deadline: true, deadline: Some(deadline) },
            None => End { at, by_deadline: false, deadline },
        }
    }

    /// Reads an answer as an error of what was tried; see [`answered`](super::answered).
    #[must_use]
    pub fn failed<T>(&self, doing: &str, response: &Response<T>) -> Error {
        failure::answered(doing, response.status(), response.headers(), self.clock.wall())
    }
}
