//! The parts.

use bytes::Bytes;
use companyos_adapter_traits::storage::{
    Attributes, Checksum, ChecksumAlgorithm, ListPartsOptions, Part, PartPage, Upload, UploadPartOptions,
    operations,
};
use companyos_adapter_traits::{Capability, Context, Error, ErrorKind};

use super::name;
use crate::gcs::Shared;
use crate::gcs::resource::Resource;
use crate::gcs::write::{Condition, Write};

impl Shared {
    pub(in crate::gcs) async fn put_part(
        &self,
        ctx: &Context,
        upload: &Upload,
        number: u32,
        body: Bytes,
        options: &UploadPartOptions,
    ) -> Result<Part, Error> {
        ctx.check_deadline(self.clock().now())?;
        let limits = &self.descriptor.limits.parts;
        if number == 0 {
            return Err(Error::new(ErrorKind::InvalidInput, "the first part has the number 1"));
        }
        if number > limits.max_parts || body.len() as u64 > limits.max_bytes {
            let (parts, bytes) = (limits.max_parts, limits.max_bytes);
            let why = format!("an upload has at most {parts} parts of at most {bytes} bytes");
            return Err(Error::new(ErrorKind::LimitExceeded, why));
        }
        let manifest = self.manifest(ctx, upload).await?;
        let write = Write {
            name: &name::part(upload, number)?,
            body,
            attributes: &Attributes::default(),
            placement: &manifest.placement(),
            checksum: options.checksum.as_ref(),
            condition: Condition::None,
        };
        Ok(part(number, &self.write(ctx, write).await?))
    }

    pub(in crate::gcs) async fn parts_page(
        &self,
        ctx: &Context,
        upload: &Upload,
        options: &ListPartsOptions,
    ) -> Result<PartPage, Error> {
        self.descriptor.require(Capability::Multipart, operations::LIST_PARTS)?;
        self.manifest(ctx, upload).await?;
        let size = options.page_size(self.descriptor.limits.max_page);
        let prefix = name::components(upload)?;
        let page = self.list_names(ctx, &prefix, options.page.as_deref(), size, false).await?;
        let known = |item: Resource| Some(part(name::parse_part(upload, &item.name)?, &item));
        Ok(PartPage::new(page.items.into_iter().filter_map(known).collect(), page.next_page_token))
    }
}

fn part(number: u32, found: &Resource) -> Part {
    let part = Part::new(number, found.size, found.state().etag());
    match &found.crc32c {
        Some(crc) => part.with_checksum(Checksum::new(ChecksumAlgorithm::Crc32c, crc.as_slice())),
        None => part,
    }
}
