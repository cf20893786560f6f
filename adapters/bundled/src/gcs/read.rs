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
use super::{GcsStorageBuilder, Shared, late, within};

const DOING: &str = "reading an object";

/// How often the object may be replaced between its description and its body before that is given up on.
const CHASES: u32 = 5;

impl Shared {
    pub(super) async fn get_object(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &GetOptions,
    ) -> Result<Object, Error> {
        if *options == GetOptions::default() {
            // The usual read needs no description to begin with, so both are asked for at once. They are of one
            // generation unless the object was replaced in between.
            let (found, response) =
                tokio::join!(self.stat(ctx, key.as_str(), None), self.begin(ctx, key, None, None));
            let (found, response) = (found?, unless_gone(response)?);
            let same = |response: &ReadObjectResponse| response.object().generation == found.generation;
            if let Some(response) = response.filter(same) {
                return Ok(self.opened(ctx, key, &found, 0..found.size, response));
            }
        }
        for _ in 0..CHASES {
            let found = self.stat(ctx, key.as_str(), options.version.as_ref()).await?;
            let range = self.select(key, &found, options)?;
            if range.is_empty() {
                return Ok(Object::from_bytes(
                    found.head(key.clone(), self.keeps_versions()),
                    range,
                    Bytes::new(),
                ));
            }
            // The service names a checksum of the whole only, so only a whole read can be checked.
            let part = (range != (0..found.size)).then(|| range.clone());
            let response = self.begin(ctx, key, Some(found.generation), part).await;
            if options.version.is_some() {
                return Ok(self.opened(ctx, key, &found, range, response?));
            }
            // Without versions a generation is gone once it is replaced. Either there is a newer one, or none.
            if let Some(response) = unless_gone(response)? {
                return Ok(self.opened(ctx, key, &found, range, response));
            }
        }
        let why = format!("the object {key} was replaced each time it was about to be read");
        Err(Error::new(ErrorKind::Unavailable, why))
    }

    /// Which bytes to read of the object that was found.
    fn select(&self, key: &ObjectKey, found: &Resource, options: &GetOptions) -> Result<Range<u64>, Error> {
        if options.if_match.as_ref().is_some_and(|etag| *etag != found.state().etag()) {
            let why = format!("the object {key} is not the version named");
            return Err(Error::new(ErrorKind::Conflict(Conflict::Settled), why));
        }
        options.range.map_or(Ok(0..found.size), |range| range.resolve(found.size))
    }

    /// Asks for a body, the whole unless a part is named, of the live generation unless one is.
    async fn begin(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        generation: Option<i64>,
        part: Option<Range<u64>>,
    ) -> Result<ReadObjectResponse, Error> {
        let mut request = self
            .data
            .read_object(self.bucket(), key.as_str())
            .compute_md5()
            .with_user_agent(super::USER_AGENT);
        if let Some(generation) = generation {
            request = request.set_generation(generation);
        }
        if let Some(part) = part {
            request = request.set_read_range(ReadRange::segment(part.start, part.end - part.start));
        }
        let sent = within(ctx, &self.config, self.config.timeout, DOING, request.send()).await?;
        sent.map_err(|cause| self.diagnosis.of_client(DOING, cause))
    }

    fn opened(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        found: &Resource,
        range: Range<u64>,
        response: ReadObjectResponse,
    ) -> Object {
        let body = body(response, ctx, &self.config, &range);
        Object::new(found.head(key.clone(), self.keeps_versions()), range, body)
    }
}

/// `None` for a generation that is not there any more.
fn unless_gone(response: Result<ReadObjectResponse, Error>) -> Result<Option<ReadObjectResponse>, Error> {
    match response {
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// The body in pieces. It ends with an error when it stands still, when the deadline passes, and when its checksum or
/// its length is wrong.
fn body(
    response: ReadObjectResponse,
    ctx: &Context,
    config: &GcsStorageBuilder,
    range: &Range<u64>,
) -> ByteStream {
    let deadline = ctx.remaining(config.clock.now()).map(|left| Instant::now() + left);
    let stall = config.timeout;
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
