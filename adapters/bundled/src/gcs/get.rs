//! Reading a body.

use std::ops::Range;

use bytes::Bytes;
use companyos_adapter_traits::storage::{ByteStream, GetOptions, Object, ObjectKey};
use companyos_adapter_traits::{Conflict, Context, Error, ErrorKind};
use futures_util::stream::unfold;
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::read_object::ReadObjectResponse;
use tokio::time::{Instant, timeout};

use super::resource::Resource;
use super::{GcsConfig, GcsStorage, late, within};

const DOING: &str = "reading an object";

/// How often the object may be replaced between its description and its body before that is given up on.
const CHASES: u32 = 5;

impl GcsStorage {
    pub(super) async fn get_object(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<Object, Error> {
        let mut chases = 0;
        loop {
            let found = self.stat(ctx, key.as_str(), options.version.as_ref()).await?;
            match self.open(ctx, key, &found, options).await {
                // Without versions a generation is gone once it is replaced. Either there is a newer one, or none.
                Err(error) if *error.kind() == ErrorKind::NotFound && options.version.is_none() => {
                    chases += 1;
                    if chases == CHASES {
                        let why = format!("the object {key} was replaced each time it was about to be read");
                        return Err(Error::new(ErrorKind::Unavailable, why).with_source(error));
                    }
                }
                opened => return opened,
            }
        }
    }

    async fn open(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        found: &Resource,
        options: &GetOptions,
    ) -> Result<Object, Error> {
        if options.if_match.as_ref().is_some_and(|etag| *etag != found.state().etag()) {
            let why = format!("the object {key} is not the version named");
            return Err(Error::new(ErrorKind::Conflict(Conflict::Settled), why));
        }
        let head = found.head(key.clone(), self.keeps_versions());
        let whole = 0..found.size;
        let range = options.range.map_or(Ok(whole.clone()), |range| range.resolve(found.size))?;
        if range.is_empty() {
            return Ok(Object::from_bytes(head, range, Bytes::new()));
        }
        let mut request = self
            .data
            .read_object(self.config.resource_name(), key.as_str())
            .set_generation(found.generation)
            .with_user_agent(super::USER_AGENT);
        if range != whole {
            let length = range.end - range.start;
            request = request.set_read_range(ReadRange::segment(range.start, length));
        } else if found.md5_hash.is_some() {
            // The service names a checksum of the whole only, so only a whole read can be checked.
            request = request.compute_md5();
        }
        let sent = within(ctx, &self.config, self.config.stall_timeout, DOING, request.send()).await?;
        let response = sent.map_err(|cause| self.diagnosis.of_client(DOING, cause))?;
        let body = body(response, ctx, &self.config, &range);
        Ok(Object::new(head, range, body))
    }
}

/// The body in pieces. It ends with an error when it stands still, when the deadline passes, and when its checksum or
/// its length is wrong.
fn body(response: ReadObjectResponse, ctx: &Context, config: &GcsConfig, range: &Range<u64>) -> ByteStream {
    let deadline = ctx.remaining(config.clock.now()).map(|left| Instant::now() + left);
    let stall = config.stall_timeout;
    let diagnosis = config.diagnosis();
    let missing = range.end - range.start;
    Box::pin(unfold(Some((response, missing)), move |state| {
        let diagnosis = diagnosis.clone();
        async move {
            let (mut response, missing) = state?;
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let by_deadline = left.is_some_and(|left| left < stall);
            let limit = left.map_or(stall, |left| left.min(stall));
            match timeout(limit, response.next()).await {
                Err(_) => Some((Err(late(by_deadline, DOING)), None)),
                Ok(Some(Ok(piece))) => {
                    let missing = missing.saturating_sub(piece.len() as u64);
                    Some((Ok(piece), Some((response, missing))))
                }
                // What the client could take up again it has, so nobody above need try.
                Ok(Some(Err(cause))) => {
                    let error = diagnosis.of_client(DOING, cause);
                    Some((Err(error.into_persistent()), None))
                }
                Ok(None) if missing > 0 => {
                    let why = format!("{DOING} failed: {missing} bytes are missing at its end");
                    Some((Err(Error::new(ErrorKind::Corrupt, why)), None))
                }
                Ok(None) => None,
            }
        }
    }))
}
