//! The request: receive the file, then report, refuse or accept.

use std::sync::Arc;

use companyos_types::{operations, problems, tenants as wire};
use http::StatusCode;

use super::intake::{Intake, Interrupted, Received, receiving, to_wire};
use super::model::{Import, ImportStatus};
use super::request::Request;
use crate::areas::operations::jobs::Wake;
use crate::areas::operations::model::NewOperation;
use crate::areas::operations::service as operation;
use crate::areas::tenants::import::Finding;
use crate::areas::tenants::import::plan::tagged;
use crate::areas::tenants::store::imports;
use crate::kernel::body::BodyStream;
use crate::kernel::ctx::Ctx;
use crate::kernel::policy::Resource;
use crate::kernel::privileged::{Done, Permit};
use crate::kernel::problem::Problem;
use crate::kernel::reply::Reply;
use crate::store::Commit;

/// The kind of operation an accepted import becomes.
pub(super) const KIND: &str = "tenant.import";

/// `POST /tenants/bulk-import`.
pub(in crate::areas::tenants) async fn import(ctx: Ctx, wake: Wake) -> Result<Reply, Problem> {
    let request = Request::of(&ctx)?;
    let permit = ctx.permit(Resource::kind("tenant_import")).await?;
    let mut body = ctx.body_stream()?;
    let import = receiving(ctx.kernel(), ctx.tenant_id(), request.dry_run, &request.options);
    let begun = Intake::begin(Arc::clone(ctx.kernel()), import.clone(), request.options.clone()).await;
    let mut intake = begun.map_err(Interrupted::into_problem)?;
    match receive(&mut intake, &mut body).await {
        Ok(received) => {
            let import = planned(import, &received, &body, &permit)?;
            conclude(Arrived { ctx, permit, import, quoted: received.quoted }, intake, &request, wake).await
        }
        Err(interrupted) => {
            intake.discard().await;
            if !request.dry_run {
                ctx.kernel().metrics.import_failed();
            }
            match interrupted {
                Interrupted::File(error) => {
                    drain(&mut body).await;
                    permit.refuse(error.into()).await
                }
                other => Err(other.into_problem()),
            }
        }
    }
}

async fn receive(intake: &mut Intake, body: &mut BodyStream) -> Result<Received, Interrupted> {
    while let Some(piece) = body.next().await.map_err(Interrupted::Problem)? {
        intake.take(piece).await?;
    }
    intake.finish().await
}

/// Reads a refused file to its end: only then is the request known well enough for its refusal to be
/// replayed, and only then does every client read the answer instead of failing to send.
async fn drain(body: &mut BodyStream) {
    while let Ok(Some(_)) = body.next().await {}
}

/// A file that has arrived, and the request it came with.
struct Arrived {
    ctx: Ctx,
    permit: Permit,
    import: Import,
    quoted: Vec<Finding>,
}

fn planned(
    mut import: Import,
    received: &Received,
    body: &BodyStream,
    permit: &Permit,
) -> Result<Import, Problem> {
    let Some(content) = body.content_digest() else {
        return Err(Problem::internal("an import was planned before its file had arrived"));
    };
    import.counts = received.plan.counts;
    import.content_digest = tagged(&content);
    import.plan_digest = Some(received.plan.digest.clone());
    import.rows_root = Some(received.plan.rows_root.clone());
    import.receipt_id = Some(permit.receipt_id().to_owned());
    Ok(import)
}

async fn conclude(
    arrived: Arrived,
    mut intake: Intake,
    request: &Request,
    wake: Wake,
) -> Result<Reply, Problem> {
    let held = arrived.import.plan_digest.as_deref().unwrap_or_default();
    if let Some(presented) = request.plan_digest.as_deref().filter(|presented| *presented != held) {
        let detail = format!("The plan presented is {presented}; what would be done now is {held}.");
        intake.discard().await;
        return arrived.permit.refuse(Problem::new(&problems::PLAN_CHANGED).detail(detail)).await;
    }
    match (request.dry_run, arrived.import.counts.error) {
        (true, _) => report(arrived).await,
        (false, 0) => accept(arrived, wake).await,
        (false, _) => refuse(arrived).await,
    }
}

/// A dry run: the plan is the answer.
async fn report(arrived: Arrived) -> Result<Reply, Problem> {
    let Arrived { ctx, permit, mut import, .. } = arrived;
    import.status = if import.counts.error == 0 { ImportStatus::Validated } else { ImportStatus::Invalid };
    import.completed_at = Some(ctx.now());
    permit
        .commit(move |tx| {
            let import = import.clone();
            Box::pin(async move {
                record(imports::record(tx, &import, ImportStatus::Receiving).await?)?;
                let facts = import.facts();
                Ok(Done::new(Reply::json(StatusCode::OK, &wire::TenantImport::from(import))?).facts(facts))
            })
        })
        .await
}

/// A file with findings: the import is kept so that they can be listed, and the request is refused.
async fn refuse(arrived: Arrived) -> Result<Reply, Problem> {
    let Arrived { ctx, permit, mut import, quoted } = arrived;
    import.status = ImportStatus::Invalid;
    import.completed_at = Some(ctx.now());
    let detail = format!(
        "{} of {} rows have findings; `errors` quotes the first. Nothing was imported.",
        import.counts.error, import.counts.total
    );
    let problem = Problem::new(&problems::IMPORT_INVALID)
        .detail(detail)
        .instance(format!("/tenant-imports/{}", import.id))
        .errors(quoted.iter().map(to_wire).collect());
    ctx.store()
        .write(move |tx| {
            let import = import.clone();
            Box::pin(async move {
                record(imports::record(tx, &import, ImportStatus::Receiving).await?)?;
                let reason = "the findings of an import; its refusal leaves the receipt";
                Ok::<_, Problem>(Commit::without_receipt((), reason))
            })
        })
        .await?;
    ctx.kernel().metrics.import_failed();
    permit.refuse(problem).await
}

/// A file without findings: an operation will create its tenants.
async fn accept(arrived: Arrived, wake: Wake) -> Result<Reply, Problem> {
    let Arrived { ctx, permit, mut import, .. } = arrived;
    let new = NewOperation {
        id: ctx.new_id("opn"),
        tenant_id: import.tenant_id.clone(),
        kind: KIND,
        subject: import.id.clone(),
        total: import.counts.total,
        unit: "rows",
        request_id: ctx.request_id().to_owned(),
        trace_id: ctx.trace_id().to_owned(),
        mandate: permit.mandate(),
        at: ctx.now(),
    };
    import.status = ImportStatus::Queued;
    import.operation_id = Some(new.id.clone());
    let reply = permit
        .commit(move |tx| {
            let (import, new) = (import.clone(), new.clone());
            Box::pin(async move {
                record(imports::record(tx, &import, ImportStatus::Receiving).await?)?;
                let accepted = operation::accept(tx, new).await?;
                let location = format!("/operations/{}", accepted.id);
                let reply = Reply::json(StatusCode::ACCEPTED, &operations::Operation::from(accepted))?;
                Ok(Done::accepted(reply.location(&location)).facts(import.facts()))
            })
        })
        .await?;
    wake.wake();
    Ok(reply)
}

/// The sweep takes imports away whose file seems to have stopped arriving.
fn record(recorded: bool) -> Result<(), Problem> {
    match recorded {
        true => Ok(()),
        false => Err(Problem::unavailable(1).detail("The file arrived too slowly. Send it again.")),
    }
}

impl Interrupted {
    fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::File(error) => error.into(),
            Self::Downstream => Problem::internal("a step of an import ended early and gave no reason"),
        }
    }
}

impl From<Interrupted> for Problem {
    fn from(interrupted: Interrupted) -> Self {
        interrupted.into_problem()
    }
}

#[cfg(test)]
mod tests {
    use super::record;

    #[test]
    fn an_import_that_was_swept_away_is_not_recorded() {
        assert!(record(true).is_ok());
        assert_eq!(record(false).map_err(|problem| problem.code()), Err("unavailable"));
    }
}
