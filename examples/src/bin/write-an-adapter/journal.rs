//! The file: records one after the other, each synced before the next, never changed.
//!
//! A record is a frame of 16 bytes (length of the header, length of the body, CRC-32C of those two, CRC-32C of what
//! follows), then the header as JSON, then the body. A crash can leave at most one record unfinished, at the end of the
//! file, and it was never acknowledged: opening cuts it off. Any other damage is told, not repaired.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use companyos_adapter_traits::storage::{Checksum, Crc32c, ObjectKey};
use companyos_adapter_traits::{Error, ErrorKind, Outcome};
use serde_json::Value;

const FRAME: u64 = 16;

/// Where the body of an object is, and what its header says.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) header: Value,
    pub(crate) checksum: Checksum,
    pub(crate) at: u64,
    pub(crate) size: u64,
}

/// The open file and its index, which is made by reading the file.
pub(crate) struct Journal {
    file: File,
    end: u64,
    /// After a write that failed nobody knows what is on the disk.
    broken: bool,
    pub(crate) objects: BTreeMap<ObjectKey, Entry>,
}

impl Journal {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        file.try_lock().map_err(|cause| {
            Error::new(ErrorKind::Unavailable, "another process has the file open; stop it first")
                .with_outcome(Outcome::NotSent)
                .with_source(cause)
        })?;
        let size = file.metadata().map_err(failed)?.len();
        let mut journal = Self { file, end: 0, broken: false, objects: BTreeMap::new() };
        while journal.end < size && journal.read_record(size)? {}
        if journal.end < size {
            journal.file.set_len(journal.end).and_then(|()| journal.file.sync_all()).map_err(failed)?;
        }
        // A file that was just made is there after a crash only if its folder knows of it.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(journal)
    }

    /// Reads the record at the end of what was read; `false` when it is the unfinished one.
    fn read_record(&mut self, size: u64) -> Result<bool, Error> {
        if size - self.end < FRAME {
            return Ok(false);
        }
        let frame = self.read(self.end, FRAME)?;
        let number = |at: usize| frame[at..at + 4].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
        if Checksum::crc32c(&frame[..8]).value != frame[8..12] {
            return Err(self.damaged());
        }
        let (header, body) = (number(0), number(4));
        let left = size - self.end - FRAME;
        if header + body > left {
            return Ok(false);
        }
        let content = self.read(self.end + FRAME, header + body)?;
        if Checksum::crc32c(&content).value != frame[12..] {
            return if header + body == left { Ok(false) } else { Err(self.damaged()) };
        }
        let (text, bytes) = content.split_at(header as usize);
        let header: Value = serde_json::from_slice(text).map_err(|_| self.damaged())?;
        self.index(header, text.len() as u64, bytes)?;
        Ok(true)
    }

    /// Appends a record. When this returns it is on the disk.
    pub(crate) fn append(&mut self, header: Value, body: &[u8]) -> Result<(), Error> {
        if self.broken {
            let why =
                "an earlier write failed, and nobody knows what of it is on the disk; open the file again";
            return Err(Error::new(ErrorKind::Unavailable, why).with_outcome(Outcome::NotSent));
        }
        let text = header.to_string();
        let mut record = Vec::with_capacity(FRAME as usize + text.len() + body.len());
        record.extend((text.len() as u32).to_le_bytes());
        record.extend((body.len() as u32).to_le_bytes());
        record.extend(Checksum::crc32c(&record).value);
        let mut content = Crc32c::new();
        content.update(text.as_bytes());
        content.update(body);
        record.extend(content.finish().value);
        record.extend(text.as_bytes());
        record.extend(body);
        self.broken = true;
        self.file.write_all_at(&record, self.end).and_then(|()| self.file.sync_data()).map_err(failed)?;
        self.broken = false;
        self.index(header, text.len() as u64, body)
    }

    fn index(&mut self, header: Value, header_len: u64, body: &[u8]) -> Result<(), Error> {
        let at = self.end + FRAME + header_len;
        let name = |member: &str| header.get(member).and_then(Value::as_str).map(ObjectKey::new).transpose();
        if let Some(key) = name("put")? {
            let (size, checksum) = (body.len() as u64, Checksum::crc32c(body));
            self.objects.insert(key, Entry { header, checksum, at, size });
        } else if let Some(key) = name("delete")? {
            self.objects.remove(&key);
        }
        self.end = at + body.len() as u64;
        Ok(())
    }

    pub(crate) fn read(&self, at: u64, len: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, at).map_err(failed)?;
        Ok(bytes)
    }

    fn damaged(&self) -> Error {
        let why = format!("the record at byte {} is damaged; restore the file from a copy", self.end);
        Error::new(ErrorKind::Corrupt, why)
    }
}

/// A disk that failed is an outage, and leaves open whether the write is there: that is what this kind says by default.
fn failed(cause: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the file could not be read or written").with_source(cause)
}
