//! The questions one can ask an [`Error`].

use http::StatusCode;

use super::error::{Error, Kind, Limit};

impl Error {
    /// Returns whether the same call may succeed later and may be repeated safely.
    ///
    /// # Troubleshooting
    ///
    /// The client has retried already, see [`attempts`](Self::attempts) and [`gave_up`](Self::gave_up). Wait at least
    /// [`retry_after`](Self::retry_after) before you repeat the call, and repeat it with
    /// [`idempotency_key`](Self::idempotency_key) if there is one: without it the effect may happen twice. When
    /// `gave_up` says that the deadline or the budget ended it, look at the server's health first; more attempts add
    /// load to a server that has too much of it.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.call().retryable
    }

    /// Returns whether a time limit was reached: connect, read, attempt, operation, or the wait for a long operation.
    ///
    /// # Troubleshooting
    ///
    /// [`code`](Self::code) names the limit. `connect-timeout` points at an address that nothing listens on or a
    /// firewall that drops packets. `read-timeout` and `attempt-timeout` point at a slow server or a large answer: raise
    /// the limit with [`ClientBuilder::timeouts`](crate::ClientBuilder::timeouts) or
    /// [`CallOptions::timeout`](crate::CallOptions::timeout). `wait-timeout` says nothing of the operation, which goes
    /// on at the server; follow it again by its id.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind(), Kind::Timeout(_))
    }

    /// Returns whether no connection could be made: name resolution, TCP, TLS or their time limit.
    ///
    /// # Troubleshooting
    ///
    /// Nothing was sent. Check the base URL, name resolution and that the server listens; for TLS check that the
    /// server's certificate chains to a root that the platform trusts and names the host. The error's source has the
    /// detail.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(self.kind(), Kind::Connect | Kind::Timeout(Limit::Connect))
    }

    /// Returns whether the call was malformed and nothing was sent: a wrong parameter, key, header or configuration.
    ///
    /// # Troubleshooting
    ///
    /// The message names the argument. This is a defect of the calling program; repeating the call cannot help.
    #[must_use]
    pub fn is_invalid_request(&self) -> bool {
        matches!(self.kind(), Kind::Config | Kind::Request)
    }

    /// Returns whether the answer was problem details with this code.
    ///
    /// # Troubleshooting
    ///
    /// The codes are the constants of `companyos_types::problems`, and every operation's documentation lists those it
    /// may answer with. [`problem`](Self::problem) has the findings with the place each is about.
    #[must_use]
    pub fn is_problem(&self, code: &str) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }

    /// Returns whether the credential was missing, malformed, expired or revoked (401).
    ///
    /// # Troubleshooting
    ///
    /// Check that the key was copied whole: it ends in a checksum, and a key whose checksum is wrong is refused before
    /// it is looked up. A key that worked before was revoked or has expired; issue another.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// Returns whether the policy refused the action (403).
    ///
    /// # Troubleshooting
    ///
    /// The problem's `rule` names the rule that refused, and [`receipt_id`](Self::receipt_id) the receipt of the refusal.
    /// The operation's documentation names the scopes it needs.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.status() == Some(StatusCode::FORBIDDEN)
    }

    /// Returns whether there is no such object, or none that this credential can see (404).
    ///
    /// # Troubleshooting
    ///
    /// An object of another tenant answers 404 too. An operator reads it by naming the tenant.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// Returns whether the object's state does not allow the change (409), or it has changed since it was read (412).
    ///
    /// # Troubleshooting
    ///
    /// Read the object again and decide anew. For 412 send the ETag of the version just read.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.status(), Some(StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED))
    }

    /// Returns whether the quota of the credential is used up (429).
    ///
    /// # Troubleshooting
    ///
    /// [`retry_after`](Self::retry_after) says when to come back. Responses carry what is left of the quota in
    /// [`Response::rate_limit`](crate::Response::rate_limit); spread the calls before it reaches zero.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// Returns whether the version the caller holds is still current (304).
    ///
    /// # Troubleshooting
    ///
    /// This is the answer to `if_none_match`, not a failure: go on with the version you hold.
    #[must_use]
    pub fn is_not_modified(&self) -> bool {
        self.kind() == Kind::NotModified
    }

    /// Returns whether an answer came but was not what the contract promises: its media type, size or content.
    ///
    /// # Troubleshooting
    ///
    /// Look for a proxy, a captive portal or a wrong base URL between here and the server: they answer with pages of
    /// their own, redirects, or bodies cut short. If the server's version is older or newer than this crate's contract,
    /// compare [`CONTRACT_VERSION`](crate::CONTRACT_VERSION) with the server's `GET /meta`.
    #[must_use]
    pub fn is_unexpected_answer(&self) -> bool {
        matches!(
            self.kind(),
            Kind::Truncated
                | Kind::TooLarge
                | Kind::MediaType
                | Kind::Decode
                | Kind::Redirect
                | Kind::Status
                | Kind::Page
        )
    }

    /// Returns whether a privileged action's receipt is missing or does not verify.
    ///
    /// # Troubleshooting
    ///
    /// Treat the action as not proven, whatever the status said. `receipt-missing`: the server, or a proxy that strips
    /// headers, did not send `Receipt-Id`. `receipt-invalid`: the message names the check that failed; keep the receipt
    /// and its proof, and ask the operator of the log. A log that is not consistent with what it showed before has been
    /// rewritten.
    #[must_use]
    pub fn is_receipt(&self) -> bool {
        matches!(self.kind(), Kind::ReceiptMissing | Kind::ReceiptInvalid)
    }

    /// Returns whether a webhook was refused: unsigned, signed by another key, too old, or malformed.
    ///
    /// # Troubleshooting
    ///
    /// Verify the body's exact bytes, before anything parsed and rewrote them. Compare the secret with the one the
    /// endpoint was given, and keep the old one beside the new while it is rotated. When the message is about time,
    /// compare this machine's clock with a time server. Answer the sender with 400 and say no more.
    #[must_use]
    pub fn is_webhook(&self) -> bool {
        self.kind() == Kind::Webhook
    }

    /// Returns whether a long operation ended in failure or was cancelled.
    ///
    /// # Troubleshooting
    ///
    /// [`problem`](Self::problem) is the operation's own, [`receipt_id`](Self::receipt_id) its receipt.
    /// `operation-cancelled` means that somebody cancelled it before it began to commit.
    #[must_use]
    pub fn is_operation_failed(&self) -> bool {
        matches!(self.kind(), Kind::OperationFailed | Kind::OperationCancelled)
    }
}
