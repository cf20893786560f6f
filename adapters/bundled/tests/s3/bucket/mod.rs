//! A bucket in memory behind s3s, which speaks the protocol and checks signatures. s3s-fs, the store that comes with
//! s3s, keeps keys as paths, lists without entity tags and writes before it checks; this one is atomic and checks.
#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod state;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};

pub(crate) use self::state::State;
use self::state::{Stored, Upload, digests, entity, expected, holds, md5};

type Answer<T> = S3Result<S3Response<T>>;

/// The bucket, as the test sees it too.
#[derive(Clone, Default)]
pub(crate) struct Bucket {
    state: Arc<Mutex<State>>,
    /// Ignores conditions on writes without a word, as some servers do.
    pub(crate) careless: Arc<AtomicBool>,
}

impl Bucket {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under the lock")
    }

    fn check(
        &self,
        found: Option<&Stored>,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<()> {
        if self.careless.load(Ordering::Relaxed) {
            return Ok(());
        }
        match (found, if_match) {
            (None, Some(_)) => return Err(s3_error!(NoSuchKey)),
            (Some(found), Some(condition)) if !holds(condition, found) => {
                return Err(s3_error!(PreconditionFailed));
            }
            _ => {}
        }
        match (found, if_none_match) {
            (Some(_), Some(_)) => Err(s3_error!(PreconditionFailed)),
            _ => Ok(()),
        }
    }
}

fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

async fn collect(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let pieces: Vec<Bytes> = body.try_collect().await.map_err(|_| s3_error!(IncompleteBody))?;
    Ok(pieces.concat().into())
}

#[async_trait]
impl S3 for Bucket {
    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        if request.input.bucket != super::served::BUCKET {
            return Err(s3_error!(NoSuchBucket));
        }
        answer(HeadBucketOutput::default())
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let mut input = request.input;
        let body = collect(input.body.take()).await?;
        let checksum = digests(&body, expected!(input), input.checksum_algorithm.as_ref())?;
        let mut state = self.state();
        self.check(state.objects.get(&input.key), input.if_match.as_ref(), input.if_none_match.as_ref())?;
        state.puts += 1;
        let stored = Stored::new(body, input.content_type, input.metadata, checksum.clone());
        let tag = stored.tag.clone();
        state.objects.insert(input.key, stored);
        let mut output = PutObjectOutput { e_tag: Some(ETag::Strong(tag)), ..Default::default() };
        entity!(output, checksum);
        answer(output)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        let found = self.state().find(&input.key)?;
        if input.if_match.as_ref().is_some_and(|condition| !holds(condition, &found)) {
            return Err(s3_error!(PreconditionFailed));
        }
        let total = found.body.len() as u64;
        let range = input.range.map(|range| range.check(total)).transpose()?;
        let whole = range.is_none();
        let content_range =
            range.as_ref().map(|range| format!("bytes {}-{}/{total}", range.start, range.end - 1));
        let range = range.unwrap_or(0..total);
        let body = found.body.slice(range.start as usize..range.end as usize);
        let mut output = GetObjectOutput {
            content_length: Some(body.len() as i64),
            body: Some(StreamingBlob::from(s3s::Body::from(body))),
            content_range,
            content_type: found.content_type.clone(),
            metadata: found.metadata.clone(),
            e_tag: Some(ETag::Strong(found.tag.clone())),
            last_modified: Some(found.modified.clone()),
            ..Default::default()
        };
        if whole {
            entity!(output, found.checksum.clone());
        }
        answer(output)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let found = self.state().find(&request.input.key)?;
        let mut output = HeadObjectOutput {
            content_length: Some(found.body.len() as i64),
            content_type: found.content_type.clone(),
            metadata: found.metadata.clone(),
            e_tag: Some(ETag::Strong(found.tag.clone())),
            last_modified: Some(found.modified.clone()),
            ..Default::default()
        };
        entity!(output, found.checksum.clone());
        answer(output)
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.state().objects.remove(&request.input.key);
        answer(DeleteObjectOutput::default())
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = request.input;
        let CopySource::Bucket { key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        let mut state = self.state();
        let mut found = state.find(key)?;
        if input.copy_source_if_match.as_ref().is_some_and(|condition| !holds(condition, &found)) {
            return Err(s3_error!(PreconditionFailed));
        }
        found.modified = state::now();
        let mut result = CopyObjectResult {
            e_tag: Some(ETag::Strong(found.tag.clone())),
            last_modified: Some(found.modified.clone()),
            ..Default::default()
        };
        entity!(result, found.checksum.clone());
        state.objects.insert(input.key, found);
        answer(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let after = input.continuation_token.unwrap_or_default();
        let limit = input.max_keys.unwrap_or(1000) as usize;
        let state = self.state();
        let mut found: Vec<Object> = state
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix) && **key > after)
            .take(limit + 1)
            .map(|(key, stored)| Object {
                key: Some(key.clone()),
                size: Some(stored.body.len() as i64),
                e_tag: Some(ETag::Strong(stored.tag.clone())),
                last_modified: Some(stored.modified.clone()),
                ..Default::default()
            })
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).and_then(|object| object.key.clone());
        answer(ListObjectsV2Output {
            contents: Some(found),
            is_truncated: Some(more),
            next_continuation_token: next,
            ..Default::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = request.input;
        let mut state = self.state();
        state.started += 1;
        let id = format!("upload-{:06}", state.started);
        let upload = Upload {
            key: input.key,
            content_type: input.content_type,
            metadata: input.metadata,
            started: state::now(),
            parts: Default::default(),
        };
        state.uploads.insert(id.clone(), upload);
        answer(CreateMultipartUploadOutput { upload_id: Some(id), ..Default::default() })
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let mut input = request.input;
        let body = collect(input.body.take()).await?;
        let checksum = digests(&body, expected!(input), input.checksum_algorithm.as_ref())?;
        let mut state = self.state();
        let upload = state.upload(&input.upload_id)?;
        let tag = md5(&body);
        upload.parts.insert(input.part_number, (body, tag.clone(), checksum.clone()));
        let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(tag)), ..Default::default() };
        entity!(output, checksum);
        answer(output)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = request.input;
        let limit = input.max_parts.unwrap_or(1000) as usize;
        let mut state = self.state();
        let upload = state.upload(&input.upload_id)?;
        let after = input.part_number_marker.unwrap_or(0) + 1;
        let mut parts: Vec<Part> = upload
            .parts
            .range(after..)
            .take(limit + 1)
            .map(|(number, (body, tag, checksum))| Part {
                part_number: Some(*number),
                size: Some(body.len() as i64),
                e_tag: Some(ETag::Strong(tag.clone())),
                checksum_crc32c: checksum.checksum_crc32c.clone(),
                last_modified: Some(upload.started.clone()),
                ..Default::default()
            })
            .collect();
        let more = parts.len() > limit;
        parts.truncate(limit);
        answer(ListPartsOutput {
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            parts: Some(parts),
            is_truncated: Some(more),
            ..Default::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = request.input;
        let mut state = self.state();
        let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
        self.check(state.objects.get(&input.key), if_match, if_none_match)?;
        let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let stored = state.upload(&input.upload_id)?.assemble(&named, input.mpu_object_size)?;
        let checksum = stored.checksum.clone();
        let tag = stored.tag.clone();
        state.uploads.remove(&input.upload_id);
        state.objects.insert(input.key, stored);
        let mut output =
            CompleteMultipartUploadOutput { e_tag: Some(ETag::Strong(tag)), ..Default::default() };
        entity!(output, checksum);
        answer(output)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let mut state = self.state();
        state.upload(&request.input.upload_id)?;
        state.uploads.remove(&request.input.upload_id);
        answer(AbortMultipartUploadOutput::default())
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let after = (input.key_marker.unwrap_or_default(), input.upload_id_marker.unwrap_or_default());
        let limit = input.max_uploads.unwrap_or(1000) as usize;
        let state = self.state();
        let mut found: Vec<_> = state
            .uploads
            .iter()
            .map(|(id, upload)| ((upload.key.clone(), id.clone()), upload.started.clone()))
            .filter(|(mark, _)| mark.0.starts_with(&prefix) && *mark > after)
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let more = found.len() > limit;
        found.truncate(limit);
        let (next_key_marker, next_upload_id_marker) =
            found.last().filter(|_| more).map(|(mark, _)| mark.clone()).unzip();
        let uploads = found.into_iter().map(|((key, id), started)| MultipartUpload {
            key: Some(key),
            upload_id: Some(id),
            initiated: Some(started),
            ..Default::default()
        });
        answer(ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            is_truncated: Some(more),
            next_key_marker,
            next_upload_id_marker,
            ..Default::default()
        })
    }
}
