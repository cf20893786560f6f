//! Many clients at once.

use futures_util::future::join_all;
use serde_json::json;

use super::on_every_engine;
use crate::store::{Columns as _, Read as _};

const CLIENTS: usize = 64;
const ROWS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_import_and_read_at_once_and_every_receipt_is_there_once() {
    on_every_engine(async |api| {
        let clients = (0..CLIENTS).map(|client| {
            let api = api.clone();
            async move {
                let rows: String = (0..ROWS).map(|row| format!("c{client}-{row},Tenant {row}\n")).collect();
                let file = format!("external_id,name\n{rows}");
                let plan = api.csv("?dry_run=true", file.clone()).await.expect(200);
                assert_eq!(plan.json["rows_create"], ROWS);
                let accepted = api.csv("", file).await.expect(202);
                api.get("/tenants?limit=5").await.expect(200);
                let operation = api.outcome(&accepted).await;
                assert_eq!(operation["status"], "succeeded", "{operation}");
                assert_eq!(operation["result"]["rows_create"], json!(ROWS));
            }
        });
        join_all(clients).await;
        assert_eq!(api.tenants().await, CLIENTS * ROWS);

        let sql = sqlx::query(
            "SELECT phase, outcome, COUNT(*) AS n, COUNT(DISTINCT receipt_id) AS ids FROM receipts \
             WHERE action = 'tenant.import' GROUP BY phase, outcome ORDER BY phase, outcome",
        );
        let rows = api.store().reader().await.unwrap().fetch_all(sql).await.unwrap();
        let receipts: Vec<_> = rows
            .iter()
            .map(|row| {
                let clients = i64::try_from(CLIENTS).unwrap();
                let (n, ids) = (row.int("n").unwrap(), row.int("ids").unwrap());
                (row.text("phase").unwrap(), row.text("outcome").unwrap(), n / clients, n == ids)
            })
            .collect();
        // A dry run is complete when it is answered; an import is first intended and later done.
        assert_eq!(
            receipts,
            [
                ("intent".to_owned(), "allow".to_owned(), 1, true),
                ("outcome".to_owned(), "ok".to_owned(), 2, true)
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_imports_that_race_for_the_same_external_ids_one_wins_and_the_others_fail_whole() {
    on_every_engine(async |api| {
        let racers = (0..8).map(|racer| {
            let api = api.clone();
            async move {
                // All want `shared`; each brings one of its own, so that a partial import would show.
                let file = format!("external_id,name\nown-{racer},Own\nshared,Racer {racer}\n");
                let answer = api.csv("", file).await;
                match answer.status.as_u16() {
                    202 => api.outcome(&answer).await["status"] == "succeeded",
                    status => {
                        assert_eq!(status, 422, "{}", answer.text);
                        false
                    }
                }
            }
        });
        let won = join_all(racers).await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
        assert_eq!(api.tenants().await, 2, "all of one file and nothing of the others");
    })
    .await;
}
