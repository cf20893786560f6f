//! The use cases of long operations.

use super::model::{NewOperation, Operation, Status};
use super::{rules, store};
use crate::kernel::clock::Timestamp;
use crate::kernel::problem::Problem;
use crate::store::{Read, StoreError, Tx};

/// Accepts an operation: the runner takes it up once the transaction has been committed and it has
/// been [woken](super::jobs::Wake::wake).
///
/// # Errors
/// When the store fails.
pub async fn accept(tx: &mut Tx, new: NewOperation) -> Result<Operation, StoreError> {
    let operation = Operation::from(new);
    store::insert(tx, &operation).await?;
    Ok(operation)
}

/// Whether the tenant has operations whose outcome is not settled.
///
/// # Errors
/// When the store fails.
pub async fn has_open(read: &mut dyn Read, tenant_id: &str) -> Result<bool, StoreError> {
    store::has_open(read, tenant_id).await
}

/// Forgets the operations of a tenant that is deleted.
///
/// # Errors
/// When the store fails.
pub async fn delete_of_tenant(tx: &mut Tx, tenant_id: &str) -> Result<(), StoreError> {
    store::delete_of_tenant(tx, tenant_id).await
}

/// Withdraws an operation, which is allowed as often as one likes; says whether it was this call
/// that did it.
///
/// # Errors
/// 409 when it has begun or is over.
pub(super) async fn cancel(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(Operation, bool), Problem> {
    let mut operation = store::get(tx, id).await?.ok_or_else(Problem::not_found)?;
    let withdrawn = match rules::cancel(operation.status) {
        rules::Cancellation::Already => return Ok((operation, false)),
        rules::Cancellation::TooLate => false,
        rules::Cancellation::Withdraw => store::cancel(tx, id, now).await?,
    };
    if !withdrawn {
        let detail = "The operation has begun or is over, so it can no longer be cancelled.";
        return Err(Problem::conflict(detail));
    }
    (operation.status, operation.updated_at) = (Status::Cancelled, now);
    Ok((operation, true))
}
