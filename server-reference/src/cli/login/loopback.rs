//! Signing in with a browser on this machine, which comes back to a port that is open just for it (RFC 8252 section
//! 7.3).

use std::convert::Infallible;
use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use companyos_adapters::oidc::OidcProvider;
use companyos_adapters::traits::identity::{
    AuthorizationOptions, AuthorizationResponse, ExchangeOptions, IdentityProvider, IdentityProviderExt,
    PendingAuthorization, TokenSet,
};
use companyos_adapters::traits::{Context, Secret};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::Output;

/// How long a browser may take to send a request, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for the answer to have been sent.
const FAREWELL: Duration = Duration::from_secs(1);

const RECEIVED: &str = "<!doctype html><title>CompanyOS</title><p>Received. Go back to the terminal.";
const NOT_HERE: &str = "<!doctype html><title>CompanyOS</title><p>Nothing is here.";

#[derive(Serialize)]
struct Prompt<'a> {
    authorization_url: &'a str,
}

/// What the browser brought: a code, or the issuer's reason not to send one.
type Brought = Result<AuthorizationResponse, String>;

pub(super) async fn sign_in(
    provider: &OidcProvider,
    ctx: &Context,
    scopes: &[String],
    port: u16,
    output: Output,
) -> Result<TokenSet, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
    let mut options =
        AuthorizationOptions::default().redirect_uri(redirect_uri).scopes(scopes.iter().cloned());
    if scopes.iter().any(|scope| scope == "offline_access") {
        // Without it, the scope is ignored (OpenID Connect Core section 11).
        options = options.prompt(["consent".to_owned()]);
    }
    let request = provider.authorization_url(ctx, &options).await?;
    let url = request.url.expose();
    output.prompt(&Prompt { authorization_url: url }, &format!("open this in a browser:\n{url}"))?;
    let response = browser(listener, &request.pending).await?;
    Ok(provider.complete(ctx, &request.pending, &response, &ExchangeOptions::default()).await?)
}

/// Waits for the browser. Whatever else comes to the port, from a page that guesses it, say, is answered and ignored:
/// only the browser that was sent away knows the state.
async fn browser(
    listener: TcpListener,
    pending: &PendingAuthorization,
) -> Result<AuthorizationResponse, Box<dyn Error>> {
    let (sender, mut brought) = mpsc::channel::<Brought>(1);
    let pending = Arc::new(pending.clone());
    let mut connections = JoinSet::new();
    let brought = loop {
        let (stream, _) = tokio::select! {
            connection = listener.accept() => connection?,
            Some(brought) = brought.recv() => break brought,
            Some(_) = connections.join_next() => continue,
        };
        let (sender, pending) = (sender.clone(), Arc::clone(&pending));
        let service = service_fn(move |request| {
            let answer = answer(&request, &pending, &sender);
            async move { Ok::<_, Infallible>(answer) }
        });
        connections.spawn(async move {
            let mut http = http1::Builder::new();
            let http = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
            let serving = http.serve_connection(TokioIo::new(stream), service);
            // A browser that goes away has either brought what it should, or will come again.
            let _ = tokio::time::timeout(PATIENCE, serving).await;
        });
    };
    // The browser has its answer before the port closes; connections it opened in reserve are not waited for.
    let answered = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(FAREWELL, answered).await;
    Ok(brought?)
}

fn answer<B>(
    request: &Request<B>,
    pending: &PendingAuthorization,
    sender: &mpsc::Sender<Brought>,
) -> Response<Full<Bytes>> {
    let brought = (request.uri().path() == "/callback").then(|| read(request.uri(), pending)).flatten();
    let (status, text) = match brought {
        Some(brought) => {
            // Only the first counts; the channel is full or closed for any other.
            let _ = sender.try_send(brought);
            (StatusCode::OK, RECEIVED)
        }
        None => (StatusCode::NOT_FOUND, NOT_HERE),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // The address holds the code; nothing on the page may pass it on.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// What a redirect brings, if it belongs to this sign-in.
fn read(uri: &http::Uri, pending: &PendingAuthorization) -> Option<Brought> {
    let url = Url::parse("http://localhost").ok()?.join(uri.path_and_query()?.as_str()).ok()?;
    let query =
        |name: &str| url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let state = query("state")?;
    pending.check_state(&state).ok()?;
    if let Some(code) = query("code") {
        let response = AuthorizationResponse::new(Secret::new(code), state);
        return Some(Ok(match query("iss") {
            Some(issuer) => response.with_issuer(issuer),
            None => response,
        }));
    }
    let reason =
        query("error").filter(|code| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic()))?;
    Some(Err(format!("the issuer did not sign anybody in: {reason}")))
}
