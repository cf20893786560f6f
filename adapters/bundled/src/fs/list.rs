//! Listing in key order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use companyos_adapter_traits::storage::{ListOptions, ListPage, ObjectKey, ObjectMeta};
use companyos_adapter_traits::{Error, ErrorKind};

use super::Shared;
use super::error::{corrupt, not_done};
use super::name::{self, Entry};

/// An entry on the way, with the bytes that its key is or, for a folder, that all its keys start with.
struct Node {
    key: Vec<u8>,
    folder: Option<PathBuf>,
}

impl Shared {
    pub(super) fn list(&self, options: &ListOptions) -> Result<ListPage, Error> {
        let size = options.page_size(self.descriptor.limits.max_page);
        let mut objects = Vec::new();
        // A depth-first walk: the next node in key order is always on top.
        let mut stack = vec![Node { key: Vec::new(), folder: Some(self.objects.clone()) }];
        while let Some(Node { key, folder }) = stack.pop() {
            if let Some(folder) = folder {
                let mut nodes = children(&folder, &key, options).map_err(not_done("reading a folder"))?;
                nodes.sort_unstable_by(|a, b| b.key.cmp(&a.key));
                stack.append(&mut nodes);
                continue;
            }
            if objects.len() == size {
                // One more than fits: the last key of the page is where the next one goes on.
                let next = objects.last().map(|last: &ObjectMeta| last.key.to_string());
                return Ok(ListPage::new(objects, next));
            }
            let key = String::from_utf8(key).ok().and_then(|key| ObjectKey::new(key).ok());
            let key =
                key.ok_or_else(|| corrupt("a file is named like an object, but not like a key".to_owned()))?;
            match self.find(&key) {
                Ok(found) => objects.push(found.header.meta()),
                // Deleted since its folder was read.
                Err(error) if *error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ListPage::new(objects, None))
    }
}

/// The entries of a folder that can lead to a key of the page.
fn children(folder: &Path, base: &[u8], options: &ListOptions) -> io::Result<Vec<Node>> {
    let (prefix, after) = (options.prefix.as_bytes(), options.page.as_deref().map(str::as_bytes));
    let mut nodes = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        match name.to_str().and_then(name::parse) {
            Some(Entry::Object(bytes)) => {
                let key = [base, &bytes].concat();
                if key.starts_with(prefix) && after.is_none_or(|after| key.as_slice() > after) {
                    nodes.push(Node { key, folder: None });
                }
            }
            Some(Entry::Folder(bytes)) => {
                let key = [base, &bytes].concat();
                let meets = key.starts_with(prefix) || prefix.starts_with(&key);
                // All its keys start with `key`, so they come before `after` unless `after` is among or before them.
                let ahead = after.is_none_or(|after| key.as_slice() > after || after.starts_with(&key));
                if meets && ahead {
                    nodes.push(Node { key, folder: Some(folder.join(&name)) });
                }
            }
            None => {}
        }
    }
    Ok(nodes)
}
