//! Objects in parts.
//!
//! Every part carries a CRC-32C, and so does the whole, which the provider puts together from those of the parts: the
//! only checksum that all callers may bring, and one upload knows only one.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use companyos_adapter_traits::storage::{
    ChecksumAlgorithm as Algorithm, CompleteUploadOptions, ListPartsOptions, ObjectKey, ObjectMeta, Part,
    PartPage, PutMode, StartUploadOptions, Upload, UploadPartOptions, VersionId, operations,
};
use companyos_adapter_traits::{Capability, Context, Error, ErrorKind};

use super::Shared;
use super::call::Stamp;
use super::convert::{broken, checksums, decode, encode, etag, metadata, quoted, size};
use super::write::{checked, conditions, conflicted, placed, tried_once};

impl Shared {
    pub(super) async fn start_upload(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &StartUploadOptions,
    ) -> Result<Upload, Error> {
        let request = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(key.as_str())
            .checksum_algorithm(ChecksumAlgorithm::Crc32C)
            .checksum_type(ChecksumType::FullObject)
            .set_content_type(options.attributes.content_type.clone())
            .set_metadata(metadata(&options.attributes)?);
        let request = placed!(request, &options.placement).send();
        let answer = self.send(ctx, operations::START_UPLOAD, 0, request).await?;
        let id = answer.upload_id.ok_or_else(|| broken("the id of the upload"))?;
        Ok(Upload::new(key.clone(), id))
    }

    pub(super) async fn upload_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        let limits = &self.descriptor.limits.parts;
        if number == 0 {
            return Err(Error::new(ErrorKind::InvalidInput, "the number of the first part is 1"));
        }
        if number > limits.max_parts {
            let why = format!("an upload has at most {} parts", limits.max_parts);
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        let length = body.len() as u64;
        self.check_length(length, limits.max_bytes)?;
        if options.checksum.as_ref().is_some_and(|checksum| checksum.algorithm != Algorithm::Crc32c) {
            return Err(Error::unsupported(operations::CHECKSUM, &self.descriptor.name));
        }
        let request = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .part_number(number_of(number)?)
            .body(ByteStream::from(body));
        let request = checked!(request, options.checksum.as_ref(), Some(ChecksumAlgorithm::Crc32C)).send();
        let answer = self.send(ctx, operations::UPLOAD_PART, length, request).await?;
        let mut part = Part::new(number, length, etag(answer.e_tag.as_deref())?);
        part.checksum = decode(Algorithm::Crc32c, answer.checksum_crc32_c.as_deref());
        Ok(part)
    }

    pub(super) async fn list_parts(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        self.descriptor.require(Capability::Multipart, operations::LIST_PARTS)?;
        let page = options.page.as_deref().map(str::parse::<u32>).transpose();
        let page = page.map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the page token is none of this adapter's").with_source(cause)
        })?;
        let request = self
            .client
            .list_parts()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .set_part_number_marker(page.map(|number| number.to_string()))
            .max_parts(self.page(options.page_size(self.descriptor.limits.max_page)))
            .send();
        let answer = self.send(ctx, operations::LIST_PARTS, 0, request).await?;
        let mut parts = Vec::new();
        for found in answer.parts.unwrap_or_default() {
            let number = found.part_number.and_then(|number| u32::try_from(number).ok());
            let number = number.ok_or_else(|| broken("the number of a part"))?;
            let mut part = Part::new(number, size(found.size)?, etag(found.e_tag.as_deref())?);
            part.checksum = decode(Algorithm::Crc32c, found.checksum_crc32_c.as_deref());
            parts.push(part);
        }
        parts.sort_by_key(|part| part.number);
        let more = answer.is_truncated == Some(true);
        let next = more.then(|| answer.next_part_number_marker.ok_or_else(|| broken("the next page")));
        Ok(PartPage::new(parts, next.transpose()?))
    }

    pub(super) async fn complete_upload(
        &self,
        ctx: &Context,
        upload: &Upload,
        parts: &[Part],
        options: &CompleteUploadOptions,
    ) -> Result<ObjectMeta, Error> {
        if !self.conditional_complete {
            let operation = match options.mode {
                PutMode::Overwrite => None,
                PutMode::Create => Some(operations::CONDITIONAL_CREATE),
                PutMode::Update(_) => Some(operations::CONDITIONAL_UPDATE),
            };
            if let Some(operation) = operation {
                return Err(Error::unsupported(operation, &self.descriptor.name));
            }
        }
        if parts.is_empty() || parts.windows(2).any(|pair| pair[0].number >= pair[1].number) {
            let why = "an object is made of at least one part, in ascending order of the numbers";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let named = parts.iter().map(|part| {
            let checksum = part.checksum.as_ref().filter(|checksum| checksum.algorithm == Algorithm::Crc32c);
            Ok(CompletedPart::builder()
                .part_number(number_of(part.number)?)
                .e_tag(quoted(&part.etag))
                .set_checksum_crc32_c(checksum.map(encode))
                .build())
        });
        let named =
            CompletedMultipartUpload::builder().set_parts(Some(named.collect::<Result<_, Error>>()?)).build();
        let length: u64 = parts.iter().map(|part| part.size).sum();
        let (if_none_match, if_match) = conditions(&options.mode);
        let stamp = Stamp::default();
        let mut request = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .multipart_upload(named)
            // With these the provider refuses to put together what is not the object that was sent.
            .checksum_type(ChecksumType::FullObject)
            .set_mpu_object_size(i64::try_from(length).ok())
            .set_if_none_match(if_none_match)
            .set_if_match(if_match)
            .customize()
            .interceptor(stamp.clone());
        if options.mode != PutMode::Overwrite {
            request = request.config_override(tried_once());
        }
        let answer = self.send(ctx, operations::COMPLETE_UPLOAD, length, request.send()).await;
        let answer = answer.map_err(|error| conflicted(error, &upload.key, &options.mode))?;
        let written = stamp.time(self.clock.wall());
        let tag = etag(answer.e_tag.as_deref())?;
        let mut meta = ObjectMeta::new(upload.key.clone(), length, tag, written);
        meta.checksums = checksums!(answer);
        meta.version = answer.version_id.map(VersionId::new);
        Ok(meta)
    }

    pub(super) async fn abort_upload(&self, ctx: &Context, upload: &Upload) -> Result<(), Error> {
        self.descriptor.require(Capability::Multipart, operations::ABORT_UPLOAD)?;
        self.abort(ctx, upload).await
    }

    pub(super) async fn abort(&self, ctx: &Context, upload: &Upload) -> Result<(), Error> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(upload.key.as_str())
            .upload_id(&upload.id)
            .send();
        match self.send(ctx, operations::ABORT_UPLOAD, 0, request).await {
            Err(error) if *error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.map(drop),
        }
    }
}

fn number_of(number: u32) -> Result<i32, Error> {
    i32::try_from(number).map_err(|cause| {
        Error::new(ErrorKind::InvalidInput, format!("{number} is the number of no part")).with_source(cause)
    })
}
