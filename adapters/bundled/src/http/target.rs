//! Where requests may go and where answers may not send us.

use companyos_adapter_traits::{Error, ErrorKind, Outcome, RetryClass};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode, Uri};
use url::{Host, Url};

/// Refuses a target that a request would reach in the clear, unless it is the own machine.
pub(super) fn check(uri: &Uri, https_only: bool) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why));
    // Parsed as a browser would, because that is how the client resolves it: `0x7f.1` is loopback to both.
    let Ok(url) = Url::parse(&uri.to_string()) else {
        return refuse("the URL is not absolute");
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if https_only => refuse("the URL is not https"),
        "http" if is_loopback(&url) => Ok(()),
        "http" => refuse("the URL is not https; plain http is only for the own machine"),
        _ => refuse("the URL is neither https nor http"),
    }
}

/// Whether the URL's host is the own machine by its very name, without asking a resolver that could lie.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Refuses a redirect. A 3xx without `Location` is an answer like any other (304, or 308 of a resumable upload).
pub(super) fn refuse_redirect(status: StatusCode, headers: &HeaderMap) -> Result<(), Error> {
    let Some(location) = headers.get(LOCATION).filter(|_| status.is_redirection()) else {
        return Ok(());
    };
    // Of the target only the origin is shown: its path and query can carry tokens.
    let origin = location
        .to_str()
        .ok()
        .and_then(|text| Url::parse(text).ok())
        .map_or_else(|| "another path".to_owned(), |url| url.origin().ascii_serialization());
    Err(Error::new(
        ErrorKind::Internal,
        format!("the provider answered with a redirect to {origin}, and redirects are not followed"),
    )
    .with_provider_code(status.as_u16().to_string())
    .with_outcome(Outcome::Answered)
    .with_retry(RetryClass::Permanent))
}
