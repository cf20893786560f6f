//! Long operations: what a 202 answers with, and how to follow it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use companyos_types::operations::{Operation, OperationStatus};
use companyos_types::ops;
use futures_core::Stream;
use futures_util::stream;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::attempt::Outcome;
use super::call::Call;
use super::client::Client;
use super::error::{Error, Kind, Limit};
use super::response::Response;
use super::retry_after;
use super::timer::Wait;

/// The answer of an operation that may take long: its result at once, or a long operation to follow.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted<T> {
    /// Answered at once.
    Done(T),
    /// Goes on, or went on, at the server.
    Operation(Box<Operation>),
}

impl<T> Accepted<T> {
    /// Returns the result that was answered at once.
    #[must_use]
    pub fn done(&self) -> Option<&T> {
        match self {
            Accepted::Done(value) => Some(value),
            Accepted::Operation(_) => None,
        }
    }

    /// Returns the long operation.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        match self {
            Accepted::Done(_) => None,
            Accepted::Operation(operation) => Some(operation),
        }
    }
}

impl<T: DeserializeOwned> Accepted<T> {
    /// Returns what it came to: the value answered at once, or the result of the long operation.
    ///
    /// `None` while the operation goes on, and when it ended without a result.
    ///
    /// # Errors
    ///
    /// When the operation's result does not have the form of a `T`.
    pub fn into_result(self) -> Result<Option<T>, Error> {
        let result = match self {
            Accepted::Done(value) => return Ok(Some(value)),
            Accepted::Operation(operation) => operation.result,
        };
        result.map(|result| serde_json::from_value(Value::Object(result))).transpose().map_err(|error| {
            let message = "the operation's result does not have the form the contract gives it";
            Error::new(Kind::Decode, message)
                .caused_by(error)
                .with(|call| call.outcome = Some(Outcome::Answered))
        })
    }
}

/// How often a long operation is looked at.
///
/// The pause starts at `first`, grows by half each time and stays at `most`; a server's `Retry-After` takes its place,
/// up to a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PollPolicy {
    /// The first pause. Default 100 ms.
    pub first: Duration,
    /// The longest pause. Default 5 s.
    pub most: Duration,
    /// For how long to wait in all. Default `None`: until the operation ends.
    pub wait: Option<Duration>,
}

impl Default for PollPolicy {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), most: Duration::from_secs(5), wait: None }
    }
}

/// The longest pause that a server can ask for.
const LONGEST_HINT: Duration = Duration::from_secs(60);

impl PollPolicy {
    fn pause(&self, previous: Option<Duration>, hint: Option<Duration>) -> Duration {
        match (hint, previous) {
            (Some(hint), _) => hint.clamp(self.first, LONGEST_HINT.max(self.first)),
            (None, None) => self.first.min(self.most),
            (None, Some(previous)) => (previous + previous / 2).clamp(self.first.min(self.most), self.most),
        }
    }
}

/// Follows a long operation to its end.
///
/// ```no_run
/// # async fn example(poller: companyos_sdk::Poller<()>) -> Result<(), companyos_sdk::Error> {
/// use futures_util::TryStreamExt as _;
///
/// let mut progress = std::pin::pin!(poller.progress());
/// while let Some(operation) = progress.try_next().await? {
///     let progress = &operation.progress;
///     tracing::info!("{} of {} {}", progress.done, progress.total, progress.unit);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Poller<T> {
    accepted: Response<Accepted<T>>,
    policy: PollPolicy,
}

impl<T> Poller<T> {
    pub(crate) fn new(accepted: Response<Accepted<T>>) -> Self {
        Self { accepted, policy: PollPolicy::default() }
    }

    /// Sets how often to look and for how long to wait.
    #[must_use]
    pub fn policy(mut self, policy: PollPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Returns the answer that began it.
    #[must_use]
    pub fn accepted(&self) -> &Response<Accepted<T>> {
        &self.accepted
    }

    /// Returns the operation each time it was looked at, the state it began with included.
    ///
    /// The stream ends after the operation's last state, whatever that is, or after the first error. It is empty when
    /// the result was answered at once.
    pub fn progress(&self) -> impl Stream<Item = Result<Operation, Error>> + Send + '_
    where
        T: Sync,
    {
        let watch = self.accepted.operation().map(|operation| Watch {
            client: self.accepted.client(),
            policy: self.policy,
            began: self.accepted.client().inner().timer.now(),
            pause: None,
            hint: hint(&self.accepted, self.accepted.client()),
            last: Operation::clone(operation),
            started: false,
        });
        stream::unfold(watch, |watch| async move {
            let mut watch = watch?;
            if watch.started {
                if is_final(&watch.last.status) {
                    return None;
                }
                if let Err(error) = watch.look().await {
                    return Some((Err(error), None));
                }
            }
            watch.started = true;
            Some((Ok(watch.last.clone()), Some(watch)))
        })
    }

    /// Waits until the operation has ended, and returns it.
    ///
    /// The response is that of the last look, with the receipt of the action itself.
    ///
    /// # Errors
    ///
    /// When the operation failed or was cancelled ([`Error::is_operation_failed`]), when it did not end within the
    /// policy's wait ([`Error::is_timeout`]; it goes on at the server), and when it could not be read.
    pub async fn wait(mut self) -> Result<Response<Accepted<T>>, Error> {
        let Some(operation) = self.accepted.operation() else {
            return Ok(self.accepted);
        };
        let client = self.accepted.client().clone();
        let mut watch = Watch {
            client: &client,
            policy: self.policy,
            began: client.inner().timer.now(),
            pause: None,
            hint: hint(&self.accepted, &client),
            last: Operation::clone(operation),
            started: true,
        };
        while !is_final(&watch.last.status) {
            watch.look().await?;
        }
        let last = watch.last;
        if last.status != OperationStatus::Succeeded {
            return Err(failure(self.accepted.contract().id, last));
        }
        let receipt_id = last.receipt_id.clone().or_else(|| self.accepted.receipt_id().map(str::to_owned));
        self.accepted.set_receipt_id(receipt_id);
        self.accepted.try_map(|_| Ok(Accepted::Operation(Box::new(last))))
    }
}

/// Follows an operation whose id is known, after a restart for example.
pub(crate) async fn follow(client: &Client, id: &str) -> Result<Poller<Infallible>, Error> {
    let response =
        Call::new(client, &ops::GET_OPERATION).path("operation_id", id).send_json::<Operation>().await?;
    response.try_map(|operation| Ok(Accepted::Operation(Box::new(operation)))).map(Poller::new)
}

struct Watch<'c> {
    client: &'c Client,
    policy: PollPolicy,
    began: Instant,
    pause: Option<Duration>,
    hint: Option<Duration>,
    last: Operation,
    started: bool,
}

impl Watch<'_> {
    /// Pauses, then reads the operation again.
    async fn look(&mut self) -> Result<(), Error> {
        let timer = &*self.client.inner().timer;
        let pause = self.policy.pause(self.pause, self.hint);
        if let Some(wait) = self.policy.wait
            && timer.now() - self.began + pause > wait
        {
            let message = format!("{} is {} after {wait:?}", self.last.id, self.last.status);
            return Err(Error::new(Kind::Timeout(Limit::Wait), message).with(|call| {
                call.operation = Some(ops::GET_OPERATION.id);
                call.outcome = Some(Outcome::Answered);
                call.retryable = true;
            }));
        }
        timer.sleep(pause, Wait::Poll).await;
        let response = Call::new(self.client, &ops::GET_OPERATION)
            .path("operation_id", &self.last.id)
            .send_json::<Operation>()
            .await?;
        self.hint = hint(&response, self.client);
        self.pause = Some(pause);
        self.last = response.into_inner();
        Ok(())
    }
}

fn hint<T>(response: &Response<T>, client: &Client) -> Option<Duration> {
    let value = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?;
    retry_after::parse(value, client.inner().timer.wall())
}

/// Whether the operation will not change any more. A state this version does not know is taken to go on.
fn is_final(status: &OperationStatus) -> bool {
    matches!(status, OperationStatus::Succeeded | OperationStatus::Failed | OperationStatus::Cancelled)
}

fn failure(started_by: &'static str, operation: Operation) -> Error {
    let error = match (operation.status, &operation.problem) {
        (OperationStatus::Cancelled, _) => {
            Error::new(Kind::OperationCancelled, format!("{} was cancelled", operation.id))
        }
        (_, Some(problem)) => {
            Error::new(Kind::OperationFailed, format!("{} failed: {}", operation.id, problem.title))
        }
        (_, None) => Error::new(Kind::OperationFailed, format!("{} failed", operation.id)),
    };
    error.with(|call| {
        call.operation = Some(started_by);
        call.outcome = Some(Outcome::Answered);
        call.receipt_id = operation.receipt_id;
        call.request_id = operation.problem.as_ref().map(|problem| problem.request_id.clone());
        call.problem = operation.problem;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_by_half_up_to_the_most() {
        let policy = PollPolicy::default();
        let mut pause = policy.pause(None, None);
        assert_eq!(pause, Duration::from_millis(100));
        pause = policy.pause(Some(pause), None);
        assert_eq!(pause, Duration::from_millis(150));
        assert_eq!(policy.pause(Some(Duration::from_secs(4)), None), Duration::from_secs(5));
    }

    #[test]
    fn the_servers_hint_takes_the_place_of_the_pause_within_a_minute() {
        let policy = PollPolicy::default();
        let s = Duration::from_secs;
        assert_eq!(policy.pause(Some(s(1)), Some(s(7))), s(7));
        assert_eq!(policy.pause(Some(s(1)), Some(s(3600))), s(60));
        assert_eq!(policy.pause(Some(s(1)), Some(s(0))), Duration::from_millis(100));
    }
}
