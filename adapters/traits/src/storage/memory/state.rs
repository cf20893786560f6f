//! The objects, their versions and locks, behind one lock.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;

use super::super::{
    Attributes, Checksum, ETag, Head, Lock, ObjectKey, ObjectMeta, ObjectVersion, Placement, PutMode,
    RetentionMode, VersionId,
};
use super::uploads::Uploads;
use crate::{Conflict, Error, ErrorKind};

#[derive(Default)]
pub(super) struct State {
    /// Every history, oldest entry first. None is empty, and without versioning none is longer than one.
    histories: BTreeMap<ObjectKey, Vec<Entry>>,
    pub(super) uploads: Uploads,
    /// Numbers entity tags, versions and uploads alike.
    numbers: u64,
}

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) head: Head,
    pub(super) body: Bytes,
}

enum Entry {
    Object(Box<Stored>),
    Marker { version: VersionId, deleted: SystemTime },
}

impl Entry {
    fn version(&self) -> Option<&VersionId> {
        match self {
            Self::Object(stored) => stored.head.meta.version.as_ref(),
            Self::Marker { version, .. } => Some(version),
        }
    }

    fn object(&self) -> Option<&Stored> {
        match self {
            Self::Object(stored) => Some(stored),
            Self::Marker { .. } => None,
        }
    }
}

/// An object on its way in.
pub(super) struct New {
    pub(super) body: Bytes,
    pub(super) attributes: Attributes,
    pub(super) placement: Placement,
}

/// When and how a change is made.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) now: SystemTime,
    /// Whether what is replaced or deleted is kept.
    pub(super) versioned: bool,
}

impl State {
    pub(super) fn objects(&self) -> usize {
        self.histories.values().filter(|history| current(history).is_some()).count()
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn find(&self, key: &ObjectKey, version: Option<&VersionId>) -> Result<&Stored, Error> {
        let history = self.histories.get(key).map_or(&[][..], Vec::as_slice);
        let found = match version {
            None => current(history),
            Some(version) => {
                history.iter().find(|entry| entry.version() == Some(version)).and_then(Entry::object)
            }
        };
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no object {key}")))
    }

    pub(super) fn check_mode(&self, key: &ObjectKey, mode: &PutMode) -> Result<(), Error> {
        let current = self.find(key, None).ok().map(|stored| &stored.head.meta.etag);
        match (mode, current) {
            (PutMode::Overwrite, _) | (PutMode::Create, None) => Ok(()),
            (PutMode::Update(expected), Some(current)) if expected == current => Ok(()),
            (PutMode::Create, Some(_)) => Err(conflict(format!("the object {key} exists"))),
            (PutMode::Update(_), _) => Err(conflict(format!("the object {key} is not the version named"))),
        }
    }

    pub(super) fn insert(&mut self, key: &ObjectKey, new: New, terms: Terms) -> Result<ObjectMeta, Error> {
        let number = self.next_number().to_string();
        let New { body, attributes, placement: Placement { storage_class, kms_key, lock } } = new;
        let mut meta = ObjectMeta::new(key.clone(), body.len() as u64, ETag::new(&number), terms.now)
            .with_checksum(Checksum::crc32c(&body));
        meta.version = terms.versioned.then(|| VersionId::new(number));
        meta.storage_class = storage_class;
        let mut head = Head::new(meta.clone(), attributes).with_lock(lock);
        head.kms_key = kms_key;
        let history = self.histories.entry(key.clone()).or_default();
        if !terms.versioned {
            check_unlocked(history, terms.now)?;
            history.clear();
        }
        history.push(Entry::Object(Box::new(Stored { head, body })));
        Ok(meta)
    }

    pub(super) fn hide(&mut self, key: &ObjectKey, terms: Terms) -> Result<(), Error> {
        let number = self.next_number().to_string();
        let Some(history) = self.histories.get_mut(key) else { return Ok(()) };
        if terms.versioned {
            // A second marker on top of the first would say nothing more.
            if current(history).is_some() {
                history.push(Entry::Marker { version: VersionId::new(number), deleted: terms.now });
            }
        } else {
            check_unlocked(history, terms.now)?;
            self.histories.remove(key);
        }
        Ok(())
    }

    pub(super) fn remove(
        &mut self,
        key: &ObjectKey,
        version: &VersionId,
        bypass: bool,
        now: SystemTime,
    ) -> Result<(), Error> {
        let Some(history) = self.histories.get_mut(key) else { return Ok(()) };
        let Some(at) = history.iter().position(|entry| entry.version() == Some(version)) else {
            return Ok(());
        };
        if let Some(stored) = history[at].object() {
            check_lock(&stored.head.lock, bypass, now)?;
        }
        history.remove(at);
        if history.is_empty() {
            self.histories.remove(key);
        }
        Ok(())
    }

    pub(super) fn lock(
        &mut self,
        key: &ObjectKey,
        version: Option<&VersionId>,
        lock: &Lock,
        bypass: bool,
        now: SystemTime,
    ) -> Result<(), Error> {
        self.find(key, version)?;
        let history = self.histories.get_mut(key).map_or(&mut [][..], Vec::as_mut_slice);
        for entry in history.iter_mut().rev() {
            let named = version.is_none_or(|version| entry.version() == Some(version));
            if let (true, Entry::Object(stored)) = (named, entry) {
                check_shortening(&stored.head.lock, lock, bypass, now)?;
                stored.head.lock = lock.clone();
                break;
            }
        }
        Ok(())
    }

    /// The current objects in order of their keys, from `start` on.
    pub(super) fn current_from(&self, start: std::ops::Bound<&str>) -> impl Iterator<Item = &ObjectMeta> {
        let histories = self.histories.range::<str, _>((start, std::ops::Bound::Unbounded));
        histories.filter_map(|(_, history)| current(history)).map(|stored| &stored.head.meta)
    }

    /// Every entry in order of its key, newest first.
    pub(super) fn versions(&self, prefix: &str) -> impl Iterator<Item = ObjectVersion> {
        let histories = self.histories.iter().filter(move |(key, _)| key.as_str().starts_with(prefix));
        histories.flat_map(|(key, history)| {
            history.iter().rev().enumerate().map(|(age, entry)| {
                let (key, latest) = (key.clone(), age == 0);
                match entry {
                    Entry::Object(stored) => ObjectVersion::Object { meta: stored.head.meta.clone(), latest },
                    Entry::Marker { version, deleted } => {
                        let (version, deleted) = (version.clone(), *deleted);
                        ObjectVersion::DeleteMarker { key, version, deleted, latest }
                    }
                }
            })
        })
    }
}

/// What a read without a version finds.
fn current(history: &[Entry]) -> Option<&Stored> {
    history.last().and_then(Entry::object)
}

fn check_unlocked(history: &[Entry], now: SystemTime) -> Result<(), Error> {
    current(history).map_or(Ok(()), |stored| check_lock(&stored.head.lock, false, now))
}

/// Whether a version with this lock may be removed.
fn check_lock(lock: &Lock, bypass: bool, now: SystemTime) -> Result<(), Error> {
    if lock.legal_hold {
        return Err(Error::new(ErrorKind::Locked, "the version is under a legal hold"));
    }
    check_shortening(lock, &Lock::default(), bypass, now)
}

/// Whether the retention of `old` may give way to that of `new`. A legal hold is its setter's to lift.
fn check_shortening(old: &Lock, new: &Lock, bypass: bool, now: SystemTime) -> Result<(), Error> {
    let Some(old) = old.retention.as_ref().filter(|retention| retention.until > now) else { return Ok(()) };
    let governed = old.mode == RetentionMode::Governance;
    let kept = new
        .retention
        .as_ref()
        .is_some_and(|new| new.until >= old.until && (governed || new.mode == RetentionMode::Compliance));
    if kept || (governed && bypass) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Locked, "the version is retained until a time that has not come"))
}

pub(super) fn conflict(message: String) -> Error {
    Error::new(ErrorKind::Conflict(Conflict::Settled), message)
}
