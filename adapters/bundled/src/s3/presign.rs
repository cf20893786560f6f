//! Requests that are signed now and sent by somebody else.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use companyos_adapter_traits::storage::{ObjectKey, PresignOptions, Presigned, PresignedMethod, operations};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome};

use super::Shared;
use super::convert::percent_encoded;
use super::write::checked;

impl Shared {
    /// Sends nothing, except to fetch credentials that have run out. A signature by temporary credentials ends with
    /// them, whatever was asked for.
    pub(super) async fn presign(
        &self,
        ctx: &Context,
        key: &ObjectKey,
        options: &PresignOptions,
    ) -> Result<Presigned, Error> {
        ctx.check_deadline(self.clock.now())?;
        // A signature holds for whole seconds.
        let expires_in = Duration::from_secs(options.expires_in.as_secs());
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why));
        if expires_in.is_zero() {
            return refuse("a signature holds for at least a second");
        }
        let config = PresigningConfig::builder().start_time(self.clock.wall()).expires_in(expires_in).build();
        let config = match config {
            Ok(config) => config,
            Err(_) => return refuse("a signature holds for at most seven days"),
        };
        let signed = match options.method {
            PresignedMethod::Get => {
                let disposition = options.download_as.as_deref().map(disposition);
                let request = self
                    .client
                    .get_object()
                    .bucket(&self.bucket)
                    .key(key.as_str())
                    .set_version_id(options.version.as_ref().map(|version| version.as_str().to_owned()))
                    .set_response_content_disposition(disposition)
                    .presigned(config);
                self.send(ctx, operations::PRESIGN, 0, request).await
            }
            PresignedMethod::Put => {
                let length = options.content_length.map(i64::try_from).transpose().map_err(|cause| {
                    Error::new(ErrorKind::InvalidInput, "no body is that long").with_source(cause)
                })?;
                let checksum = options.checksum.as_ref();
                let request = self
                    .client
                    .put_object()
                    .bucket(&self.bucket)
                    .key(key.as_str())
                    .set_content_type(options.content_type.clone())
                    .set_content_length(length)
                    .set_if_none_match(options.create.then(|| "*".to_owned()));
                let request = checked!(request, checksum, None).presigned(config);
                self.send(ctx, operations::PRESIGN, 0, request).await
            }
            _ => return refuse("the method of the request is not known"),
        };
        let signed = signed.map_err(|error| error.with_outcome(Outcome::NotSent))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Presigned::new(signed.uri(), headers, expires_in))
    }
}

/// RFC 6266 section 4.3, in the form of RFC 8187 that spells any name.
fn disposition(name: &str) -> String {
    format!("attachment; filename*=UTF-8''{}", percent_encoded(name, 0))
}
