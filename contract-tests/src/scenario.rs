//! A run of requests over the whole API: what the contract implies and what the overlay adds.
//!
//! The contract says which requests exist and which refusals every operation must give; the overlay
//! (`postman/overlay.json`) says with which values the operations succeed, in which order, what to assert and what to
//! remember for later requests. Postman gets the run as a collection ([`crate::postman`]); tests run it themselves
//! against any server ([`run`]) and hold every response against the contract.

mod draft;
mod overlay;
mod refusals;
mod run;

pub use draft::Draft;
pub use overlay::{Entry, Expectation, Overlay, Step};
pub use run::{Answer, Call, Wire, run};

use crate::{
    error::Error,
    model::{Model, Operation},
};

/// The hand-kept overlay.
pub const OVERLAY: &str = "postman/overlay.json";

/// One request of the run: its folder, its operation and its step.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// `setup`, or the operation's area.
    pub folder: String,
    /// The operation.
    pub operation: Operation<'a>,
    /// What to send and what to expect.
    pub step: Step,
}

/// The whole run in its order.
///
/// # Errors
/// When the overlay and the contract do not have the same operations.
pub fn plan<'a>(model: Model<'a>, overlay: &Overlay) -> Result<Vec<Planned<'a>>, Error> {
    overlay.fits(model)?;
    let mut planned = Vec::new();
    for step in &overlay.setup {
        let operation = find(model, step.operation.as_deref().unwrap_or_default())?;
        planned.push(Planned { folder: "setup".into(), operation, step: step.clone() });
    }
    for (area, operations) in &overlay.folders {
        for id in operations {
            let operation = find(model, id)?;
            let entry = overlay.entry(id)?;
            for step in refusals::of(model, operation, entry).into_iter().chain(entry.steps.iter().cloned()) {
                planned.push(Planned { folder: area.clone(), operation, step });
            }
        }
    }
    Ok(planned)
}

/// The operation an overlay names.
fn find<'a>(model: Model<'a>, id: &str) -> Result<Operation<'a>, Error> {
    model.operation(id).ok_or_else(|| {
        Error::new(
            format!("{OVERLAY} names the operation {id:?}, which the contract does not have"),
            "correct the name",
        )
    })
}

#[cfg(test)]
mod tests;
