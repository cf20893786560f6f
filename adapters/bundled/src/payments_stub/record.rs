//! What the books remember, as lines of JSON.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use companyos_adapter_traits::payment::memory::{BankAnswer, Request};
use companyos_adapter_traits::payment::{
    CancelOptions, CaptureMode, CaptureOptions, ConfirmOptions, CustomerId, CustomerOptions, Money,
    PaymentId, PaymentMethod, PaymentOptions, RefundOptions, RefundReason,
};
use companyos_adapter_traits::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// Something that changed the books, and when.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Microseconds since 1970.
    at: u64,
    pub(super) what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum What {
    /// A caller asked for an effect.
    Call { tenant: String, key: String, request: Box<Wire>, bank: Bank, settle_at: Option<u64> },
    /// A customer tried to authenticate.
    Authenticate { payment: String, succeeded: bool },
    /// A bank answered at last.
    Settle { payment: String, bank: Bank },
    /// A customer disputed a payment.
    OpenDispute { payment: String },
    /// A bank decided a dispute.
    CloseDispute { dispute: String },
    /// A refund did not arrive.
    FailRefund { refund: String },
    /// The provider paid out.
    PayOut { amount: String },
    /// A payout came further, to the status of this name.
    AdvancePayout { payout: String, status: String },
}

/// [`BankAnswer`], written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bank {
    Approved,
    Declined(String),
    AuthenticationRequired,
    Delayed,
}

impl Record {
    pub(super) fn new(at: SystemTime, what: What) -> Self {
        Self { at: micros(at), what }
    }

    pub(super) fn at(&self) -> SystemTime {
        time(self.at)
    }
}

/// The time in microseconds since 1970, which is as exact as the books are.
pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn time(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

impl Bank {
    pub(super) fn of(answer: &BankAnswer) -> Result<Self, Error> {
        Ok(match answer {
            BankAnswer::Approved => Self::Approved,
            BankAnswer::Declined { code } => Self::Declined(code.clone()),
            BankAnswer::AuthenticationRequired => Self::AuthenticationRequired,
            BankAnswer::Delayed => Self::Delayed,
            _ => return Err(unwritable("bank's answer")),
        })
    }

    pub(super) fn answer(&self) -> BankAnswer {
        match self {
            Self::Approved => BankAnswer::Approved,
            Self::Declined(code) => BankAnswer::declined(code.clone()),
            Self::AuthenticationRequired => BankAnswer::AuthenticationRequired,
            Self::Delayed => BankAnswer::Delayed,
        }
    }
}

/// [`Request`], written down. One struct for all of them: what an operation has not, is not written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wire {
    operation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    manual: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    off_session: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl Wire {
    pub(super) fn of(request: &Request) -> Result<Self, Error> {
        let of = |operation: &str| Self { operation: operation.to_owned(), ..Self::default() };
        let on =
            |operation, payment: &PaymentId| Self { payment: Some(payment.to_string()), ..of(operation) };
        let method = |method: &Option<PaymentMethod>| method.as_ref().map(|m| m.as_str().to_owned());
        let text = |amount: Option<Money>| amount.map(|amount| amount.to_string());
        Ok(match request {
            Request::CreateCustomer(options) => Self {
                email: options.email.clone(),
                name: options.name.clone(),
                metadata: options.metadata.clone(),
                ..of("create_customer")
            },
            Request::CreatePayment(amount, options) => Self {
                amount: text(Some(*amount)),
                customer: options.customer.as_ref().map(ToString::to_string),
                method: method(&options.method),
                manual: options.capture == CaptureMode::Manual,
                off_session: options.off_session,
                return_url: options.return_url.clone(),
                description: options.description.clone(),
                metadata: options.metadata.clone(),
                ..of("create_payment")
            },
            Request::Confirm(id, options) => Self {
                method: method(&options.method),
                off_session: options.off_session,
                return_url: options.return_url.clone(),
                ..on("confirm", id)
            },
            Request::Capture(id, options) => Self { amount: text(options.amount), ..on("capture", id) },
            Request::Cancel(id, _) => on("cancel", id),
            Request::Refund(id, options) => Self {
                amount: text(options.amount),
                reason: options.reason.map(reason_name).transpose()?,
                ..on("refund", id)
            },
            _ => return Err(unwritable("request")),
        })
    }

    pub(super) fn request(&self) -> Result<Request, Error> {
        let id = || self.payment.clone().map(PaymentId::new).ok_or_else(|| unreadable("payment"));
        let amount = self.amount.as_deref().map(str::parse::<Money>).transpose()?;
        let method = self.method.clone().map(PaymentMethod::new).transpose()?;
        Ok(match self.operation.as_str() {
            "create_customer" => {
                let mut options = CustomerOptions::default();
                options.email.clone_from(&self.email);
                options.name.clone_from(&self.name);
                options.metadata.clone_from(&self.metadata);
                Request::CreateCustomer(options)
            }
            "create_payment" => {
                let mut options = PaymentOptions::default();
                options.capture = if self.manual { CaptureMode::Manual } else { CaptureMode::Automatic };
                options.customer = self.customer.clone().map(CustomerId::new);
                options.method = method;
                options.off_session = self.off_session;
                options.return_url.clone_from(&self.return_url);
                options.description.clone_from(&self.description);
                options.metadata.clone_from(&self.metadata);
                Request::CreatePayment(amount.ok_or_else(|| unreadable("amount"))?, options)
            }
            "confirm" => {
                let mut options = ConfirmOptions::default();
                options.method = method;
                options.off_session = self.off_session;
                options.return_url.clone_from(&self.return_url);
                Request::Confirm(id()?, options)
            }
            "capture" => {
                Request::Capture(id()?, amount.map_or_else(CaptureOptions::default, CaptureOptions::amount))
            }
            "cancel" => Request::Cancel(id()?, CancelOptions::default()),
            "refund" => {
                let mut options = amount.map_or_else(RefundOptions::default, RefundOptions::amount);
                options.reason = self.reason.as_deref().map(reason).transpose()?;
                Request::Refund(id()?, options)
            }
            _ => return Err(unreadable("operation")),
        })
    }
}

const REASONS: [(RefundReason, &str); 3] = [
    (RefundReason::RequestedByCustomer, "requested_by_customer"),
    (RefundReason::Duplicate, "duplicate"),
    (RefundReason::Fraudulent, "fraudulent"),
];

fn reason_name(reason: RefundReason) -> Result<String, Error> {
    let name = REASONS.iter().find(|(known, _)| *known == reason).map(|(_, name)| (*name).to_owned());
    name.ok_or_else(|| unwritable("reason"))
}

fn reason(name: &str) -> Result<RefundReason, Error> {
    let reason = REASONS.iter().find(|(_, known)| *known == name).map(|(reason, _)| *reason);
    reason.ok_or_else(|| unreadable("reason"))
}

/// Something that a later version of the traits has and these books have no word for.
fn unwritable(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the books have no word for this {what}"))
}

pub(super) fn unreadable(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the books hold no such {what}"))
}
