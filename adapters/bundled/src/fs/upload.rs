//! Uploads in parts.
//!
//! ```text
//! uploads/<id>/upload   an object without a body: the key and the attributes of the object to come
//! uploads/<id>/<n>      an object of the same key: the part with the number n
//! ```
//!
//! An id is the time of the start and a number, so it is never used twice. Nothing here takes a lock: a folder comes and
//! goes by one rename, a part is replaced by one rename, and completing reads parts through files it holds open.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use companyos_adapter_traits::storage::{
    Attributes, Checksum, ListOptions, ListPartsOptions, ObjectKey, ObjectMeta, Part, PartPage,
    PendingUpload, PutMode, Upload, UploadPage,
};
use companyos_adapter_traits::{Error, ErrorKind};

use super::error::{maybe_done, not_done};
use super::header::Header;
use super::write::{Found, digest, open};
use super::{Shared, folders};

/// The file that says what the upload is of.
const UPLOAD: &str = "upload";

impl Shared {
    pub(super) fn start_upload(&self, key: &ObjectKey, attributes: Attributes) -> Result<Upload, Error> {
        let starting = not_done("starting the upload");
        let header = self.header(key, 0, digest(b"", None)?, attributes);
        let micros = header.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_micros();
        let id = format!("{micros:016x}-{}", self.staged.fetch_add(1, Ordering::Relaxed));
        let file = self.stage(&header, &mut io::empty())?;
        let folder = self.staging.join(&id);
        folders::make(&folder).map_err(&starting)?;
        fs::rename(&file.path, folder.join(UPLOAD)).map_err(&starting)?;
        folders::sync(&folder).map_err(&starting)?;
        fs::rename(&folder, self.uploads.join(&id)).map_err(&starting)?;
        folders::sync(&self.uploads).map_err(maybe_done("making the upload durable"))?;
        Ok(Upload::new(key.clone(), id))
    }

    pub(super) fn upload_part(
        &self,
        upload: &Upload,
        number: u32,
        body: &[u8],
        checksum: Option<&Checksum>,
    ) -> Result<Part, Error> {
        let (folder, _) = self.find_upload(upload)?;
        let sha256 = digest(body, checksum)?;
        let header = self.header(&upload.key, body.len() as u64, sha256, Attributes::default());
        let staged = self.stage(&header, &mut &*body)?;
        fs::rename(&staged.path, folder.join(number.to_string())).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => unknown(upload),
            _ => not_done("moving the part to its place")(cause),
        })?;
        match folders::sync(&folder) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(unknown(upload)),
            other => other.map_err(maybe_done("making the part durable")),
        }?;
        Ok(part(number, &header))
    }

    pub(super) fn list_parts(&self, upload: &Upload, options: &ListPartsOptions) -> Result<PartPage, Error> {
        let (folder, _) = self.find_upload(upload)?;
        let after = options.page.as_deref().map_or(Ok(0), str::parse::<u32>);
        let after = after.map_err(|cause| bad_page().with_source(cause))?;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&folder).map_err(not_done("reading the parts"))? {
            let name = entry.map_err(not_done("reading the parts"))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()).filter(|n| *n > after));
        }
        numbers.sort_unstable();
        let size = options.page_size(self.descriptor.limits.max_page);
        let next = numbers.get(size - 1).filter(|_| numbers.len() > size).map(ToString::to_string);
        let mut parts = Vec::new();
        for number in numbers.into_iter().take(size) {
            // Gone when the upload has ended meanwhile.
            let found = find_part(&folder, upload, number)?.ok_or_else(|| unknown(upload))?;
            parts.push(part(number, &found.header));
        }
        Ok(PartPage::new(parts, next))
    }

    pub(super) fn complete_upload(
        &self,
        upload: &Upload,
        parts: &[Part],
        mode: &PutMode,
    ) -> Result<ObjectMeta, Error> {
        let (folder, started) = self.find_upload(upload)?;
        self.check(&upload.key, mode)?;
        let refuse = |why: String| Error::new(ErrorKind::InvalidInput, why);
        if parts.is_empty() || !parts.is_sorted_by(|a, b| a.number < b.number) {
            return Err(refuse("an object is made of parts in ascending order, at least one".to_owned()));
        }
        let limits = &self.descriptor.limits.parts;
        let mut files = Vec::with_capacity(parts.len());
        for (at, named) in parts.iter().enumerate() {
            let found = find_part(&folder, upload, named.number)?;
            let found = found
                .filter(|found| found.header.etag() == named.etag)
                .ok_or_else(|| refuse(format!("part {} is not the one that was uploaded", named.number)))?;
            let size = found.header.size;
            if at + 1 < parts.len() && (size < limits.min_bytes || size % limits.multiple_of != 0) {
                return Err(refuse(format!("part {} has {size} bytes, as only the last may", named.number)));
            }
            files.push(found);
        }
        let size = files.iter().map(|found| found.header.size).sum();
        let mut header = self.header(&upload.key, size, digest(b"", None)?, started.attributes);
        let staged = self.stage_joined(&mut header, files)?;
        self.publish(staged, &upload.key, mode)?;
        // The object is there. What cannot be removed is found by a listing, and may be aborted.
        let _ = self.abort_upload(upload);
        Ok(header.meta())
    }

    pub(super) fn abort_upload(&self, upload: &Upload) -> Result<(), Error> {
        let folder = match self.find_upload(upload) {
            Ok((folder, _)) => folder,
            Err(error) if *error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let away = self.staging_path();
        match fs::rename(&folder, &away.path) {
            Ok(()) => {}
            // Somebody else has just ended it.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(not_done("removing the upload")(cause)),
        }
        folders::sync(&self.uploads).map_err(maybe_done("making the removal durable"))?;
        // Out of sight already; what cannot be removed now is swept when the folder is opened again.
        let _ = fs::remove_dir_all(&away.path);
        Ok(())
    }

    pub(super) fn list_uploads(&self, options: &ListOptions) -> Result<UploadPage, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.uploads).map_err(not_done("reading the uploads"))? {
            let name = entry.map_err(not_done("reading the uploads"))?.file_name();
            let Some(id) = name.to_str().filter(|id| is_id(id)) else { continue };
            // Gone when it has ended meanwhile.
            let Some(header) = read_upload(&self.uploads.join(id))? else { continue };
            if header.key.as_str().starts_with(&options.prefix) {
                found.push((header.key.to_string(), id.to_owned(), header));
            }
        }
        found.sort_unstable_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        if let Some(page) = &options.page {
            let (id, key) = page.split_once('/').ok_or_else(bad_page)?;
            found.retain(|(of, at, _)| (of.as_str(), at.as_str()) > (key, id));
        }
        let size = options.page_size(self.descriptor.limits.max_page);
        let next =
            found.get(size - 1).filter(|_| found.len() > size).map(|(key, id, _)| format!("{id}/{key}"));
        let uploads = found.into_iter().take(size);
        let uploads = uploads
            .map(|(_, id, header)| PendingUpload::new(Upload::new(header.key, id), header.modified))
            .collect();
        Ok(UploadPage::new(uploads, next))
    }

    /// The folder of an upload, and what was fixed when it was started.
    fn find_upload(&self, upload: &Upload) -> Result<(PathBuf, Header), Error> {
        // Before it becomes part of a path.
        if !is_id(&upload.id) {
            return Err(unknown(upload));
        }
        let folder = self.uploads.join(&upload.id);
        let header = read_upload(&folder)?.filter(|header| header.key == upload.key);
        header.map(|header| (folder, header)).ok_or_else(|| unknown(upload))
    }
}

fn read_upload(folder: &Path) -> Result<Option<Header>, Error> {
    let reading = not_done("reading the upload");
    match fs::File::open(folder.join(UPLOAD)) {
        Ok(file) => Ok(Some(Header::read(file).map_err(&reading)??.0)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(reading(cause)),
    }
}

fn find_part(folder: &Path, upload: &Upload, number: u32) -> Result<Option<Found>, Error> {
    open(&folder.join(number.to_string()), &upload.key)
}

fn part(number: u32, header: &Header) -> Part {
    let part = Part::new(number, header.size, header.etag());
    header.meta().checksums.into_iter().fold(part, Part::with_checksum)
}

/// Whether `id` is spelled like one of ours, and so leads to nowhere else.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn unknown(upload: &Upload) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no such upload to {}", upload.key))
}

fn bad_page() -> Error {
    Error::new(ErrorKind::InvalidInput, "the page token is none of this store")
}
