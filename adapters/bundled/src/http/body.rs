//! Reading an answer.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use companyos_adapter_traits::Error;
use futures_util::{Stream, stream};
use tokio::time::{Instant, timeout_at};

use super::failure;

/// The bytes of an answer as they arrive. It ends after the first error.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// Reads a body into memory, refusing it as soon as it is known to be larger than `limit`.
pub(super) async fn read(response: &mut reqwest::Response, limit: usize) -> Result<Bytes, Error> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(failure::too_large(limit));
    }
    let mut whole = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(failure::broken_off)? {
        if piece.len() > limit - whole.len() {
            return Err(failure::too_large(limit));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// A body in pieces, each of them before `deadline`.
pub(super) fn stream(response: reqwest::Response, deadline: Option<Instant>) -> BodyStream {
    Box::pin(stream::unfold(Some(response), move |state| async move {
        let mut response = state?;
        let piece = match deadline {
            Some(deadline) => match timeout_at(deadline, response.chunk()).await {
                Ok(piece) => piece,
                Err(_) => return Some((Err(failure::timed_out(true)), None)),
            },
            None => response.chunk().await,
        };
        match piece.transpose()? {
            Ok(piece) => Some((Ok(piece), Some(response))),
            Err(cause) => Some((Err(failure::broken_off(cause)), None)),
        }
    }))
}
