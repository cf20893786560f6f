//! What the provider is told to do.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use companyos_adapter_traits::payment::memory::{BankAnswer, Request};
use companyos_adapter_traits::payment::{Money, operations};
use companyos_adapter_traits::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// A list of rules, as JSON or built in code. The first that fits an effect decides about it; without one it is the
/// method of payment that decides, see [`BankAnswer::method`].
///
/// ```
/// use companyos_adapters::payments_stub::Script;
///
/// let script = Script::from_json(r#"{ "rules": [
///     { "when": { "amount": "13.00 EUR" }, "then": { "decline": { "code": "insufficient_funds" } } },
///     { "when": { "operation": "payment.refund" }, "then": "lose_answer", "times": 1 },
///     { "when": { "metadata": { "customer": "slow" } }, "then": { "delay": { "seconds": 5 } } }
/// ] }"#)?;
/// assert_eq!(script.rules.len(), 3);
/// # Ok::<(), companyos_adapters::traits::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Script {
    /// In order of precedence.
    pub rules: Vec<Rule>,
}

/// When something is to happen, what, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// Which effects it fits; all when nothing is said.
    #[serde(default)]
    pub when: When,
    /// What happens.
    pub then: Then,
    /// How often it fits, in the life of one stub; always when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// Which effects a rule fits: those that have everything it names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct When {
    /// The operation, as in `payment.create`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The amount of the payment, the capture or the refund, as in `13.00 EUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Pairs that are among the caller's metadata.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// What happens. The first four are the bank's answers and count where the bank is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Then {
    /// The bank says yes, whatever the method.
    Approve,
    /// The bank says no.
    Decline {
        /// Why.
        code: String,
    },
    /// The customer must authenticate.
    Authenticate,
    /// The bank takes its time, then says yes.
    Delay {
        /// How long; until [`settle`](super::StubPayments::settle) when `None`.
        seconds: Option<u64>,
    },
    /// It is done, and the customer disputes it at once, if it took money.
    Dispute,
    /// The request does not get to the provider, and the caller knows.
    LoseRequest,
    /// The request gets to the provider twice.
    DuplicateRequest,
    /// The provider does it, but the connection breaks before the answer.
    LoseAnswer,
    /// The provider does it, but the caller's time runs out before the answer.
    TimeOut,
    /// The provider wants fewer requests, and does nothing.
    RateLimit,
}

impl Script {
    /// Reads a script from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], saying where it is wrong.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let script: Self = serde_json::from_str(json).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, format!("the script does not read: {cause}"))
        })?;
        script.check()?;
        Ok(script)
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, when: When, then: Then) -> Self {
        self.rules.push(Rule { when, then, times: None });
        self
    }

    /// Adds a rule that fits so many times.
    #[must_use]
    pub fn rule_times(mut self, when: When, then: Then, times: u32) -> Self {
        self.rules.push(Rule { when, then, times: Some(times) });
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.rules.iter().try_for_each(Rule::check)
    }
}

impl Rule {
    /// Refuses a rule that can never fit: a mistake that should not stay quiet.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(operation) = &self.when.operation
            && !operations::EFFECTS.contains(&operation.as_str())
        {
            let why = format!("the script names {operation}, which is not an effect on payments");
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        self.when.amount.as_deref().map(str::parse::<Money>).transpose()?;
        Ok(())
    }
}

impl When {
    /// Any effect.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Effects of this operation, as in `payment.create`.
    pub fn operation(operation: impl Into<String>) -> Self {
        Self { operation: Some(operation.into()), ..Self::default() }
    }

    /// Of these, the ones of this amount.
    #[must_use]
    pub fn amount(mut self, amount: Money) -> Self {
        self.amount = Some(amount.to_string());
        self
    }

    /// Of these, the one under this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    fn fits(&self, key: &str, request: &Request) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let (operation, amount, metadata) = match request {
            Request::CreateCustomer(options) => (operations::CREATE_CUSTOMER, None, Some(&options.metadata)),
            Request::CreatePayment(amount, options) => {
                (operations::CREATE, Some(*amount), Some(&options.metadata))
            }
            Request::Confirm(..) => (operations::CONFIRM, None, None),
            Request::Capture(_, options) => (operations::CAPTURE, options.amount, None),
            Request::Cancel(..) => (operations::CANCEL, None, None),
            Request::Refund(_, options) => (operations::REFUND, options.amount, None),
            _ => return false,
        };
        is(&self.operation, Some(operation))
            && is(&self.amount, amount.map(|amount| amount.to_string()).as_deref())
            && is(&self.key, Some(key))
            && self.metadata.iter().all(|(name, value)| metadata.and_then(|all| all.get(name)) == Some(value))
    }
}

impl Then {
    /// What the bank answers, if this says so.
    pub(super) fn bank(&self) -> Option<BankAnswer> {
        match self {
            Self::Approve => Some(BankAnswer::Approved),
            Self::Decline { code } => Some(BankAnswer::declined(code.clone())),
            Self::Authenticate => Some(BankAnswer::AuthenticationRequired),
            Self::Delay { .. } => Some(BankAnswer::Delayed),
            _ => None,
        }
    }
}

/// A script under way: its rules and how often each may still fit.
#[derive(Debug, Default)]
pub(super) struct Stage {
    rules: Mutex<Vec<Rule>>,
}

impl Stage {
    pub(super) fn new(script: Script) -> Self {
        Self { rules: Mutex::new(script.rules) }
    }

    /// Puts a rule before all others.
    pub(super) fn interject(&self, rule: Rule) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).insert(0, rule);
    }

    /// What happens to an effect; counts it.
    pub(super) fn next(&self, key: &str, request: &Request) -> Option<Then> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |rule: &&mut Rule| rule.times != Some(0) && rule.when.fits(key, request);
        let rule = rules.iter_mut().find(fits)?;
        rule.times = rule.times.map(|times| times - 1);
        Some(rule.then.clone())
    }
}
