//! Writing and removing.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, RwLock};

use companyos_adapter_traits::storage::{
    Attributes, Checksum, ChecksumAlgorithm, ETag, ObjectKey, ObjectMeta, PutMode, PutOptions,
};
use companyos_adapter_traits::{Error, ErrorKind};
use sha2::{Digest, Sha256};

use super::error::{corrupt, maybe_done, not_done};
use super::header::{Header, hex};
use super::{Shared, conflict, folders, name};

/// An object whose file is open, past its header.
pub(super) struct Found {
    pub(super) file: File,
    pub(super) header: Header,
    /// Where the body starts in the file.
    pub(super) start: u64,
}

impl Shared {
    pub(super) fn put(&self, key: &ObjectKey, body: &[u8], options: PutOptions) -> Result<ObjectMeta, Error> {
        let (size, limit) = (body.len() as u64, self.descriptor.limits.max_object_bytes);
        if size > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("an object holds at most {limit} bytes"),
            ));
        }
        // Checked again when it counts; here it spares a doomed body its way to the disk.
        self.check(key, &options.mode)?;
        let sha256 = digest(body, options.checksum.as_ref())?;
        let header = self.header(key, size, sha256, options.attributes);
        let staged = self.stage(&header, &mut &*body)?;
        self.publish(staged, key, &options.mode)?;
        Ok(header.meta())
    }

    pub(super) fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<ObjectMeta, Error> {
        let Found { mut file, header, start } = self.find(from)?;
        file.seek(SeekFrom::Start(start)).map_err(not_done("reading the object to copy"))?;
        let copy = self.header(to, header.size, header.sha256, header.attributes);
        let staged = self.stage(&copy, &mut file)?;
        self.publish(staged, to, &PutMode::Overwrite)?;
        Ok(copy.meta())
    }

    pub(super) fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let path = name::path_of(&self.objects, key);
        let _stripe = self.stripe(key).write().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(&path) {
            // Synced even if there was nothing to remove: a delete that crashed before its sync may have been here.
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(not_done("removing the object")(cause)),
        }
        match folders::sync(parent(&path)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(maybe_done("making the removal durable")(cause))
            }
            _ => Ok(()),
        }
    }

    /// Opens the object of `key`.
    pub(super) fn find(&self, key: &ObjectKey) -> Result<Found, Error> {
        let _stripe = self.stripe(key).read().unwrap_or_else(PoisonError::into_inner);
        self.open(key)?.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no object {key}")))
    }

    /// Opens the object of `key`, whose stripe the caller holds.
    fn open(&self, key: &ObjectKey) -> Result<Option<Found>, Error> {
        open(&name::path_of(&self.objects, key), key)
    }

    pub(super) fn header(
        &self,
        key: &ObjectKey,
        size: u64,
        sha256: String,
        attributes: Attributes,
    ) -> Header {
        Header { key: key.clone(), size, sha256, modified: self.clock.wall(), attributes }
    }

    /// Whether `mode` allows to write `key`. The answer lasts as long as the caller holds the stripe.
    pub(super) fn check(&self, key: &ObjectKey, mode: &PutMode) -> Result<(), Error> {
        let allowed = match mode {
            PutMode::Overwrite => true,
            PutMode::Create => {
                let path = name::path_of(&self.objects, key);
                !path.try_exists().map_err(not_done("looking for the object"))?
            }
            PutMode::Update(etag) => {
                self.open(key)?.is_some_and(|found| ETag::eq(&found.header.etag(), etag))
            }
        };
        if allowed { Ok(()) } else { Err(conflict(key, mode)) }
    }

    /// A new path where nobody looks for objects.
    pub(super) fn staging_path(&self) -> Staged {
        Staged { path: self.staging.join(self.staged.fetch_add(1, Ordering::Relaxed).to_string()) }
    }

    /// Writes an object where nobody looks for it, and makes it durable there.
    pub(super) fn stage(&self, header: &Header, body: &mut dyn Read) -> Result<Staged, Error> {
        let text = header.encode()?;
        let staged = self.staging_path();
        let writing = not_done("writing the object");
        let mut writer = Hashing { file: staged.create().map_err(&writing)?, sha256: Sha256::new() };
        writer.file.write_all(text.as_bytes()).map_err(&writing)?;
        let written = io::copy(body, &mut writer).map_err(&writing)?;
        // A copy must not give a damaged source a header that vouches for it.
        if written != header.size || hex(&writer.sha256.finalize()) != header.sha256 {
            return Err(corrupt("the object to copy is not what was written".to_owned()));
        }
        writer.file.sync_all().map_err(&writing)?;
        Ok(staged)
    }

    /// Writes an object made of others, one after the other, where nobody looks for it, and makes it durable there. Its
    /// digest is known only at the end, so the header is written again.
    pub(super) fn stage_joined(&self, header: &mut Header, parts: Vec<Found>) -> Result<Staged, Error> {
        let staged = self.staging_path();
        let writing = not_done("writing the object");
        let file = staged.create().map_err(&writing)?;
        (&file).write_all(header.encode()?.as_bytes()).map_err(&writing)?;
        let mut whole = Hashing { file, sha256: Sha256::new() };
        for Found { mut file, header: part, start } in parts {
            file.seek(SeekFrom::Start(start)).map_err(not_done("reading a part"))?;
            let mut checked = Checked { file: file.take(part.size), sha256: Sha256::new() };
            let written = io::copy(&mut checked, &mut whole).map_err(&writing)?;
            if written != part.size || hex(&checked.sha256.finalize()) != part.sha256 {
                return Err(corrupt("a part of the object is not what was written".to_owned()));
            }
        }
        header.sha256 = hex(&whole.sha256.finalize());
        let mut file = whole.file;
        // As long as the first time: a digest has one length.
        file.rewind().map_err(&writing)?;
        file.write_all(header.encode()?.as_bytes()).map_err(&writing)?;
        file.sync_all().map_err(&writing)?;
        Ok(staged)
    }

    /// Moves a staged object to its place, and makes that durable.
    pub(super) fn publish(&self, staged: Staged, key: &ObjectKey, mode: &PutMode) -> Result<(), Error> {
        let path = name::path_of(&self.objects, key);
        let folder = parent(&path);
        self.folders.ensure(&self.objects, folder).map_err(not_done("making the object's folder"))?;
        let _stripe = self.stripe(key).write().unwrap_or_else(PoisonError::into_inner);
        self.check(key, mode)?;
        let moving = not_done("moving the object to its place");
        if *mode == PutMode::Create {
            // Unlike a rename, a link replaces nothing, whoever else may write to this folder.
            fs::hard_link(&staged.path, &path).map_err(|cause| match cause.kind() {
                io::ErrorKind::AlreadyExists => conflict(key, mode),
                _ => moving(cause),
            })?;
        } else {
            fs::rename(&staged.path, &path).map_err(moving)?;
        }
        folders::sync(folder).map_err(maybe_done("making the object's place durable"))
    }

    fn stripe(&self, key: &ObjectKey) -> &RwLock<()> {
        // A fixed hash will do: whoever aims at one stripe slows down only keys of their own choice.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        &self.stripes[(hash % self.stripes.len() as u64) as usize]
    }
}

/// Opens the file at `path`, which must hold `key`. `None` when there is none.
pub(super) fn open(path: &Path, key: &ObjectKey) -> Result<Option<Found>, Error> {
    let reading = not_done("reading the object");
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(reading(cause)),
    };
    let (header, start) = Header::read(&file).map_err(&reading)??;
    if header.key != *key {
        return Err(corrupt(format!("the file of the object {key} holds the object {}", header.key)));
    }
    if start.checked_add(header.size) != Some(file.metadata().map_err(&reading)?.len()) {
        return Err(corrupt(format!("the file of the object {key} is not as long as its header says")));
    }
    Ok(Some(Found { file, header, start }))
}

/// A file in the staging folder. Dropping it removes what is left there.
pub(super) struct Staged {
    pub(super) path: PathBuf,
}

impl Staged {
    fn create(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone after a rename; and what cannot be removed now is removed when the folder is opened again.
        let _ = fs::remove_file(&self.path);
    }
}

/// The SHA-256 of a body, which must be what the caller says it is.
pub(super) fn digest(body: &[u8], named: Option<&Checksum>) -> Result<String, Error> {
    let sha256 = Sha256::digest(body);
    let kept = match named {
        Some(named) if named.algorithm == ChecksumAlgorithm::Sha256 => named.value == sha256.as_slice(),
        Some(named) => *named == Checksum::crc32c(body),
        None => true,
    };
    if kept {
        Ok(hex(&sha256))
    } else {
        Err(corrupt("the body that arrived does not have the checksum named".to_owned()))
    }
}

/// Digests what it reads.
struct Checked {
    file: io::Take<File>,
    sha256: Sha256,
}

impl Read for Checked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        self.sha256.update(&buf[..read]);
        Ok(read)
    }
}

/// Digests what it writes.
struct Hashing {
    file: File,
    sha256: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buf)?;
        self.sha256.update(&buf[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}
