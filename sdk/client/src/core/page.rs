//! Lists, page by page and item by item.

use std::collections::HashSet;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;

use super::call::Call;
use super::error::{Error, Kind};
use super::response::Response;

/// A page of a list, as the contract shapes it: `{items, next_cursor}`.
pub trait Page: DeserializeOwned + Send + 'static {
    /// What is listed.
    type Item: Send + 'static;

    /// Returns the cursor of the next page; `None` at the end, and only there: a page may be empty and have a next.
    fn next_cursor(&self) -> Option<&str>;

    /// Returns the items alone.
    fn into_items(self) -> Vec<Self::Item>;
}

/// The pages of a list, each fetched when it is asked for.
///
/// The stream ends after the last page or the first error.
pub struct PageStream<'c, P> {
    pages: BoxStream<'c, Result<Response<P>, Error>>,
}

/// Where a listing stands: the call for the next page, and the cursors used so far.
struct Listing<'c> {
    next: Option<Call<'c>>,
    used: HashSet<String>,
}

impl<'c, P: Page> PageStream<'c, P> {
    pub(crate) fn new(call: Call<'c>) -> Self {
        let start = Listing { next: Some(call), used: HashSet::new() };
        let pages = stream::unfold(start, |mut listing| async move {
            let call = listing.next.take()?;
            let page = call.clone().send_json::<P>().await.and_then(|page| {
                if let Some(cursor) = page.next_cursor() {
                    // A server that hands out a cursor twice would be listed for ever.
                    if !listing.used.insert(cursor.to_owned()) {
                        return Err(Error::new(Kind::Page, "the server repeats a cursor")
                            .with(|facts| facts.operation = Some(page.contract().id)));
                    }
                    listing.next = Some(call.query("cursor", cursor));
                }
                Ok(page)
            });
            Some((page, listing))
        });
        Self { pages: pages.boxed() }
    }
}

impl<P> Stream for PageStream<'_, P> {
    type Item = Result<Response<P>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pages.as_mut().poll_next(cx)
    }
}

impl<P> fmt::Debug for PageStream<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageStream").finish_non_exhaustive()
    }
}

/// The items of a list, whose pages are fetched as they are needed.
///
/// The stream ends after the last item or the first error.
pub struct ItemStream<'c, T> {
    items: BoxStream<'c, Result<T, Error>>,
}

impl<'c, T: Send + 'c> ItemStream<'c, T> {
    pub(crate) fn new<P: Page<Item = T> + 'c>(pages: PageStream<'c, P>) -> Self {
        let items = pages
            .map_ok(|page| stream::iter(page.into_inner().into_items().into_iter().map(Ok)))
            .try_flatten();
        Self { items: items.boxed() }
    }
}

impl<T> Stream for ItemStream<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for ItemStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemStream").finish_non_exhaustive()
    }
}
