//! Signed deliveries.

use std::time::Duration;

use super::super::{Stop, ensure};
use super::{Signed, Subject, expect_kind, expect_unsupported};
use crate::payment::{Event, WebhookDelivery, WebhookOptions, operations};
use crate::{Capability, Error, ErrorKind, Outcome};

/// Far enough from the tolerance that a slow machine makes no difference.
const TOLERANCE: Duration = Duration::from_secs(300);

async fn verify(subject: &Subject<'_>, delivery: &WebhookDelivery) -> Result<Event, Error> {
    let options = WebhookOptions::default().tolerance(TOLERANCE);
    subject.provider().verify_webhook(&subject.ctx, delivery, &options).await
}

fn delivery(subject: &Subject<'_>, event: &str, signed: Signed) -> Result<WebhookDelivery, Stop> {
    if !subject.has(Capability::Webhooks) {
        return Err(Stop::Skipped("webhooks are not claimed".to_owned()));
    }
    let missing = || Stop::Skipped("the stage delivers no webhooks".to_owned());
    subject.stage.delivery(event, signed).ok_or_else(missing)
}

pub(super) async fn a_genuine_webhook_is_read_or_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    if !subject.has(Capability::Webhooks) {
        let nothing = WebhookDelivery::new("{}", Vec::new());
        return expect_unsupported(subject, verify(subject, &nothing).await, operations::VERIFY_WEBHOOK);
    }
    let (one, two) = (subject.key(), subject.key());
    let first = verify(subject, &delivery(subject, &one, Signed::At(0))?).await?;
    let second = verify(subject, &delivery(subject, &two, Signed::At(-10))?).await?;
    ensure!(first.id != second.id, "two events have the id {}", first.id);
    // HTTP field names come in any case.
    let mut shouted = delivery(subject, &subject.key(), Signed::At(0))?;
    for (name, _) in &mut shouted.headers {
        *name = name.to_uppercase();
    }
    verify(subject, &shouted).await?;
    Ok(())
}

pub(super) async fn a_forged_webhook_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let genuine = delivery(subject, &subject.key(), Signed::At(0))?;
    forged(subject, "one of a stranger", &delivery(subject, &subject.key(), Signed::ByAStranger)?).await?;
    let mut padded = genuine.body.to_vec();
    padded.push(b' ');
    let padded = WebhookDelivery::new(padded, genuine.headers.clone());
    forged(subject, "one whose body was added to", &padded).await?;
    let cut = WebhookDelivery::new(genuine.body.slice(1..), genuine.headers.clone());
    forged(subject, "one whose body was cut", &cut).await?;
    let unsigned = WebhookDelivery::new(genuine.body.clone(), Vec::new());
    forged(subject, "one without a signature", &unsigned).await?;
    let garbled = genuine.headers.iter().map(|(name, _)| (name.clone(), "=,=t=,v1=\u{e9}".to_owned()));
    let garbled = WebhookDelivery::new(genuine.body.clone(), garbled.collect());
    forged(subject, "one whose headers are garbled", &garbled).await?;
    // None of these keeps the genuine one out.
    verify(subject, &genuine).await?;
    Ok(())
}

async fn forged(subject: &Subject<'_>, what: &str, delivery: &WebhookDelivery) -> Result<(), Stop> {
    let what = format!("a delivery, {what},");
    let error = expect_kind(verify(subject, delivery).await, &what, &ErrorKind::WebhookForged)?;
    ensure!(error.outcome() == Outcome::NotSent, "a forgery has the outcome {:?}", error.outcome());
    Ok(())
}

pub(super) async fn a_webhook_outside_the_tolerance_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    for (seconds, what) in [(-600, "an old delivery"), (600, "a delivery of the future")] {
        let delivery = delivery(subject, &subject.key(), Signed::At(seconds))?;
        expect_kind(verify(subject, &delivery).await, what, &ErrorKind::WebhookOutsideTolerance)?;
    }
    for seconds in [-60, 60] {
        verify(subject, &delivery(subject, &subject.key(), Signed::At(seconds))?).await?;
    }
    let wide = WebhookOptions::default().tolerance(Duration::from_secs(3600));
    let old = delivery(subject, &subject.key(), Signed::At(-600))?;
    subject.provider().verify_webhook(&subject.ctx, &old, &wide).await?;
    Ok(())
}

pub(super) async fn a_replayed_webhook_is_refused_and_a_redelivered_event_is_not(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let event = subject.key();
    let first = delivery(subject, &event, Signed::At(-30))?;
    let verified = verify(subject, &first).await?;
    for _ in 0..2 {
        expect_kind(verify(subject, &first).await, "a replayed delivery", &ErrorKind::WebhookReplayed)?;
    }
    let mut dressed = first.clone();
    dressed.headers.push(("X-Request-Id".to_owned(), "7".to_owned()));
    let result = verify(subject, &dressed).await;
    expect_kind(result, "a replayed delivery with another header", &ErrorKind::WebhookReplayed)?;
    let redelivered = verify(subject, &delivery(subject, &event, Signed::At(-5))?).await?;
    ensure!(
        redelivered.id == verified.id,
        "a redelivered event has the id {} instead of {}",
        redelivered.id,
        verified.id
    );
    Ok(())
}
