use std::collections::BTreeMap;

use crate::error::Kind;
use crate::json::{self, Map, Value};
use crate::{Error, sdjwt};

/// The members of a receipt that can be disclosed or withheld one by one.
///
/// Numbers are integers within ±(2^53-1) or decimal strings, never fractions: readers of JSON disagree about those.
///
/// ```
/// use companyos_receipt::receipt::Private;
///
/// let private = Private::new()
///     .actor("key_7f")
///     .resource("invoice", "inv_9")
///     .amount(129_900, "EUR")
///     .reason("approved by finance")
///     .detail_entry("rows", 503);
/// assert_eq!(private.names().collect::<Vec<_>>(), ["actor", "amount", "detail", "reason", "resource"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Private(BTreeMap<String, Value>);

impl Private {
    /// No members.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Who acted: the id of an API key or a user.
    #[must_use]
    pub fn actor(self, id: impl Into<String>) -> Self {
        self.member("actor", id.into())
    }

    /// On whose behalf or about whom.
    #[must_use]
    pub fn subject(self, id: impl Into<String>) -> Self {
        self.member("subject", id.into())
    }

    /// What was acted on.
    #[must_use]
    pub fn resource(self, kind: &str, id: &str) -> Self {
        self.member("resource", Map::from_iter([("id".into(), id.into()), ("kind".into(), kind.into())]))
    }

    /// How much money moved: integer minor units of an ISO 4217 currency.
    #[must_use]
    pub fn amount(self, minor_units: i64, currency: &str) -> Self {
        let members = [("currency".into(), currency.into()), ("minor_units".into(), minor_units.into())];
        self.member("amount", Map::from_iter(members))
    }

    /// Why, in words.
    #[must_use]
    pub fn reason(self, reason: impl Into<String>) -> Self {
        self.member("reason", reason.into())
    }

    /// Digest of what the policy was asked.
    #[must_use]
    pub fn policy_input(self, digest: impl Into<String>) -> Self {
        self.member("policy_input", digest.into())
    }

    /// Digest of the request.
    #[must_use]
    pub fn request(self, digest: impl Into<String>) -> Self {
        self.member("request", digest.into())
    }

    /// The request's `Idempotency-Key`.
    #[must_use]
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.member("idempotency_key", key.into())
    }

    /// The W3C trace id.
    #[must_use]
    pub fn trace_id(self, id: impl Into<String>) -> Self {
        self.member("trace_id", id.into())
    }

    /// Where further evidence is found.
    #[must_use]
    pub fn evidence<U: Into<String>>(self, uris: impl IntoIterator<Item = U>) -> Self {
        let uris: Vec<Value> = uris.into_iter().map(|uri| Value::String(uri.into())).collect();
        self.member("evidence", uris)
    }

    /// Small facts about what was done, added to those that are there. Never a secret.
    #[must_use]
    pub fn detail(mut self, facts: Map<String, Value>) -> Self {
        if let Value::Object(detail) = self.0.entry("detail".into()).or_insert_with(|| Map::new().into()) {
            detail.extend(facts);
        }
        self
    }

    /// One small fact of [`Self::detail`].
    #[must_use]
    pub fn detail_entry(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.detail(Map::from_iter([(name.into(), value.into())]))
    }

    /// These members and those of `other`, which win where both have one. Facts of `detail` are merged.
    #[must_use]
    pub fn merge(mut self, mut other: Self) -> Self {
        if let Some(Value::Object(facts)) = other.0.remove("detail") {
            self = self.detail(facts);
        }
        self.0.extend(other.0);
        self
    }

    /// The names of the members, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A member's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Refuses what a verifier would refuse. Reserved names cannot be here: each name has its setter.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (name, value) in &self.0 {
            let problem = if !json::is_strict(value) {
                "has a number that is not an integer within 2^53-1"
            } else if json::mentions(value, &sdjwt::CONTROL_MEMBERS) {
                "has a member `_sd` or `...`, which SD-JWT keeps for itself"
            } else {
                continue;
            };
            return Err(Kind::Private { name: name.clone(), problem }.into());
        }
        Ok(())
    }

    fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }
}
