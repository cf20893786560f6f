//! People the provider knows.

use serde_json::{Map, Value};

/// Somebody who can sign in at a [`MemoryIdentity`](super::MemoryIdentity).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct User {
    /// The subject.
    pub sub: String,
    /// The authentication context class they sign in with.
    pub acr: Option<String>,
    /// The methods they sign in with.
    pub amr: Vec<String>,
    /// What the provider tells about them, in ID tokens and at the userinfo endpoint.
    pub claims: Map<String, Value>,
}

impl User {
    /// Somebody who signs in with a password and about whom nothing else is known.
    pub fn new(sub: impl Into<String>) -> Self {
        let amr = vec![crate::identity::amr::PWD.to_owned()];
        Self { sub: sub.into(), acr: None, amr, claims: Map::new() }
    }

    /// Lets them sign in with these methods.
    #[must_use]
    pub fn signing_in_with(mut self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        self.amr = methods.into_iter().map(str::to_owned).collect();
        self
    }

    /// Lets them sign in with this authentication context class.
    #[must_use]
    pub fn acr(mut self, class: impl Into<String>) -> Self {
        self.acr = Some(class.into());
        self
    }

    /// Says something about them.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }
}
