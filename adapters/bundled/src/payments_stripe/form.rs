//! Parameters as Stripe takes them: a form, with nested names such as `metadata[order]` and `expand[]`.

use std::collections::BTreeMap;

use companyos_adapter_traits::{Error, ErrorKind};
use url::form_urlencoded::Serializer;

/// The parameters of a request, in the order in which they were added: the same call makes the same bytes, so that a
/// repetition is recognised.
#[derive(Default)]
pub(super) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    pub(super) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.pairs.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn set_some(self, name: &str, value: Option<&(impl AsRef<str> + ?Sized)>) -> Self {
        match value {
            Some(value) => self.set(name, value.as_ref()),
            None => self,
        }
    }

    /// One value of a list.
    pub(super) fn push(self, name: &str, value: &str) -> Self {
        self.set(&format!("{name}[]"), value)
    }

    /// The caller's own pairs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what Stripe would refuse, or worse, take for something else: brackets in a name
    /// nest, and an empty value removes the pair.
    pub(super) fn metadata(mut self, metadata: &BTreeMap<String, String>) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, why));
        if metadata.len() > 50 {
            return refuse("Stripe keeps at most 50 pairs of metadata");
        }
        for (name, value) in metadata {
            if name.is_empty() || name.chars().count() > 40 || name.contains(['[', ']']) {
                return refuse(
                    "a name in Stripe's metadata has 1 to 40 characters, none of them a square bracket",
                );
            }
            if value.is_empty() || value.chars().count() > 500 {
                return refuse("a value in Stripe's metadata has 1 to 500 characters");
            }
            self = self.set(&format!("metadata[{name}]"), value);
        }
        Ok(self)
    }

    /// As `application/x-www-form-urlencoded`.
    pub(super) fn encode(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.pairs).finish()
    }
}
