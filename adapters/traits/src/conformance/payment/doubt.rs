//! Faults below the adapter.

use super::super::{Stop, ensure};
use super::{Behaviour, Fault, Subject};
use crate::{Conflict, ErrorKind, Outcome};

pub(super) async fn a_lost_answer_is_reported_as_doubt_and_resolved_by_repeating(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let faults = [Fault::AnswerLost, Fault::RequestLost, Fault::RequestDuplicated];
    let mut played = 0;
    for fault in faults {
        let before = subject.stage.taken().await?;
        let (once, options) = (subject.once(), subject.pay_with(Behaviour::Approved)?);
        if !subject.stage.fault(fault) {
            continue;
        }
        played += 1;
        let pay = || subject.provider().create_payment(&once, subject.money(1000), &options);
        match (fault, pay().await) {
            // An adapter may repeat by itself, with the same key.
            (_, Ok(_)) => {}
            (Fault::AnswerLost, Err(error)) => {
                ensure!(
                    error.outcome() == Outcome::MaybeSent,
                    "a lost answer is reported as {:?}: {error}",
                    error.outcome()
                );
            }
            (Fault::RequestDuplicated, Err(error)) => {
                let in_flight = *error.kind() == ErrorKind::Conflict(Conflict::InFlight);
                ensure!(in_flight, "a duplicated request failed with \"{error}\"");
            }
            (Fault::RequestLost, Err(error)) => {
                ensure!(error.outcome() != Outcome::Answered, "a lost request is reported as answered");
            }
        }
        let (first, again) = (pay().await?, pay().await?);
        ensure!(first.id == again.id, "after {fault:?} the key answers {} and {}", first.id, again.id);
        if let (Some(before), Some(now)) = (before, subject.stage.taken().await?) {
            let took = now.minus(before)?;
            ensure!(took == subject.money(1000), "after {fault:?} and repetitions {took} are taken");
        }
    }
    if played == 0 {
        return Err(Stop::Skipped("the stage injects no faults".to_owned()));
    }
    Ok(())
}
