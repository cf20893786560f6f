//! Listing.

use super::super::{Stop, ensure};
use super::{Subject, body};
use crate::ObjectStorageExt;
use crate::storage::{ListOptions, ObjectMeta};

/// Names whose order differs between bytes, path components, characters and escapes.
const NAMES: [&str; 11] =
    ["a", "a b", "a!", "a-b", "a.b", "a/b", "a/b-c", "a0", "aa", "b/c/d/e", "\u{e9}/\u{1f4c4}"];

/// Writes one object per name and returns them as a listing must show them.
async fn fill(subject: &Subject<'_>) -> Result<Vec<ObjectMeta>, Stop> {
    let mut written = Vec::new();
    for (seed, name) in NAMES.iter().rev().enumerate() {
        written.push(subject.put(&subject.key(name)?, body(seed as u8, seed + 1)).await?);
    }
    written.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(written)
}

fn names(objects: &[ObjectMeta]) -> Vec<&str> {
    objects.iter().map(|meta| meta.key.as_str()).collect()
}

pub(super) async fn a_listing_is_complete_and_in_key_order(subject: &Subject<'_>) -> Result<(), Stop> {
    let expected = fill(subject).await?;
    let listed = subject.storage.list_all(&subject.ctx, &subject.prefix).await?;
    ensure!(
        names(&listed) == names(&expected),
        "listed {:?}, expected {:?}",
        names(&listed),
        names(&expected)
    );
    for (listed, expected) in listed.iter().zip(&expected) {
        ensure!(listed.size == expected.size, "{} is listed with size {}", listed.key, listed.size);
        ensure!(listed.etag == expected.etag, "{} is listed with entity tag {}", listed.key, listed.etag);
    }
    Ok(())
}

pub(super) async fn pages_neither_repeat_nor_skip(subject: &Subject<'_>) -> Result<(), Stop> {
    let expected = fill(subject).await?;
    for size in [1, 2, 3, expected.len(), expected.len() + 1] {
        let mut options = ListOptions::prefix(&subject.prefix).max(size);
        let mut listed = Vec::new();
        loop {
            let page = subject.storage.list(&subject.ctx, &options).await?;
            ensure!(page.objects.len() <= size, "a page of at most {size} holds {}", page.objects.len());
            listed.extend(page.objects);
            // An adapter whose token leads back would keep this loop going for ever.
            ensure!(listed.len() <= expected.len(), "pages of {size} hold more objects than were written");
            match page.next {
                Some(next) => {
                    ensure!(options.page.as_ref() != Some(&next), "a page names itself as the next");
                    options.page = Some(next);
                }
                None => break,
            }
        }
        let (listed, expected) = (names(&listed), names(&expected));
        ensure!(listed == expected, "pages of {size} hold {listed:?}, expected {expected:?}");
    }
    Ok(())
}

pub(super) async fn a_prefix_is_plain_text(subject: &Subject<'_>) -> Result<(), Stop> {
    let all = fill(subject).await?;
    for prefix in ["a", "a/", "a/b", "a-", "b/c/", "b/c/d/e", "nothing", "A", "\u{e9}"] {
        let full = format!("{}{prefix}", subject.prefix);
        let expected: Vec<_> = names(&all).into_iter().filter(|key| key.starts_with(&full)).collect();
        let listed = subject.storage.list_all(&subject.ctx, &full).await?;
        let listed = names(&listed);
        ensure!(listed == expected, "the prefix {prefix:?} lists {listed:?}, expected {expected:?}");
    }
    Ok(())
}
