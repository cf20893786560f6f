//! The uploads under way.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};

use super::super::{Checksum, ETag, ObjectKey, Part, PendingUpload, StartUploadOptions, Upload};
use super::state::New;
use crate::{Error, ErrorKind, PartLimits};

#[derive(Default)]
pub(super) struct Uploads {
    /// By key and number, which is the order of a listing.
    pending: BTreeMap<(ObjectKey, u64), Pending>,
}

struct Pending {
    options: StartUploadOptions,
    started: SystemTime,
    parts: BTreeMap<u32, (Part, Bytes)>,
}

impl Uploads {
    pub(super) fn start(
        &mut self,
        key: &ObjectKey,
        number: u64,
        options: StartUploadOptions,
        now: SystemTime,
    ) -> Upload {
        self.pending.insert((key.clone(), number), Pending { options, started: now, parts: BTreeMap::new() });
        Upload::new(key.clone(), number.to_string())
    }

    fn find(&mut self, upload: &Upload) -> Result<&mut Pending, Error> {
        name(upload).and_then(|name| self.pending.get_mut(&name)).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no such upload to {}", upload.key))
        })
    }

    pub(super) fn put(&mut self, upload: &Upload, number: u32, body: Bytes, tag: u64) -> Result<Part, Error> {
        let part = Part::new(number, body.len() as u64, ETag::new(tag.to_string()))
            .with_checksum(Checksum::crc32c(&body));
        self.find(upload)?.parts.insert(number, (part.clone(), body));
        Ok(part)
    }

    pub(super) fn parts(&mut self, upload: &Upload, after: u32) -> Result<Vec<Part>, Error> {
        let parts = self.find(upload)?.parts.range(after.saturating_add(1)..);
        Ok(parts.map(|(_, (part, _))| part.clone()).collect())
    }

    /// What the upload becomes if it is completed with these parts.
    pub(super) fn assemble(
        &mut self,
        upload: &Upload,
        parts: &[Part],
        limits: &PartLimits,
    ) -> Result<New, Error> {
        let pending = self.find(upload)?;
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
        if parts.is_empty() || !parts.is_sorted_by(|a, b| a.number < b.number) {
            return refuse("an object is made of parts in ascending order, at least one".to_owned());
        }
        let mut body = BytesMut::new();
        for (at, part) in parts.iter().enumerate() {
            let last = at + 1 == parts.len();
            let held = pending.parts.get(&part.number).filter(|(held, _)| held.etag == part.etag);
            let Some((held, bytes)) = held else {
                return refuse(format!("part {} is not the one that was uploaded", part.number));
            };
            if !last && (held.size < limits.min_bytes || held.size % limits.multiple_of != 0) {
                return refuse(format!(
                    "part {} has {} bytes, which only the last may have",
                    part.number, held.size
                ));
            }
            body.extend_from_slice(bytes);
        }
        let StartUploadOptions { attributes, placement } = pending.options.clone();
        Ok(New { body: body.freeze(), attributes, placement })
    }

    pub(super) fn remove(&mut self, upload: &Upload) {
        if let Some(name) = name(upload) {
            self.pending.remove(&name);
        }
    }

    /// Every upload to a key with the prefix, each with the token that a page after it starts from.
    pub(super) fn list(&self, prefix: &str) -> impl Iterator<Item = PendingUpload> {
        let pending = self.pending.iter().filter(move |((key, _), _)| key.as_str().starts_with(prefix));
        pending.map(|((key, number), pending)| {
            PendingUpload::new(Upload::new(key.clone(), number.to_string()), pending.started)
        })
    }
}

fn name(upload: &Upload) -> Option<(ObjectKey, u64)> {
    Some((upload.key.clone(), upload.id.parse().ok()?))
}
