//! What was acknowledged survives `kill -9`.
//!
//! The test starts itself a second time as a process that writes receipts and tells every one that was acknowledged,
//! kills it while it writes, opens the database again and looks for each of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::tlog::{Frontier, Hash, receipt_leaf_hash};
use companyos_server::store::testing::{deps, draft, on_every_database};
use companyos_server::store::{Columns as _, Commit, Read as _, Store, StoreError, StoreOptions};

/// Makes the child of this test what it is; holds the URL of its database.
const CHILD: &str = "COMPANYOS_DURABILITY_CHILD";

const TENANTS: [&str; 3] = ["tnt_a", "tnt_b", "tnt_c"];

fn say(line: &str) {
    // One call per line, so that lines of two tasks never mix. Fails when the parent has gone, and ends the child.
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how the parent tells its child what it is")]
async fn child_that_writes_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let store = Store::open(StoreOptions::new(url), deps()).await.unwrap();
    let writers = (0..32_usize).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let tenant = TENANTS[number % TENANTS.len()];
                let receipt = draft(tenant);
                let id = receipt.id.clone();
                let work = store.write::<(), StoreError>(move |tx| {
                    let receipt = receipt.clone();
                    Box::pin(async move {
                        let sql = sqlx::query("INSERT INTO effects (receipt_id) VALUES ($1)");
                        tx.execute(sql.bind(receipt.id.clone())).await?;
                        Ok(Commit::with_receipt((), receipt))
                    })
                });
                work.await.unwrap();
                say(&format!("acknowledged {id}"));
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    loop {
        let mut reader = store.reader().await.unwrap();
        for row in reader.fetch_all(sqlx::query("SELECT tenant_id, checkpoint FROM logs")).await.unwrap() {
            let note = row.text("checkpoint").unwrap().replace('\n', "\\n");
            say(&format!("checkpoint {} {note}", row.text("tenant_id").unwrap()));
        }
        drop(reader);
        assert!(writers.iter().all(|writer| !writer.is_finished()));
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Lets a child write until it has acknowledged that many receipts and a moment longer, kills it, and returns what it
/// said.
fn run_and_kill(url: &str, at_least: usize, longer: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (heard, lines) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            // The line it was killed in the middle of does not count.
            if line.ends_with('\n') && heard.send(line.trim_end().to_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    let mut said = Vec::new();
    let mut acknowledged = 0;
    while acknowledged < at_least {
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap();
        acknowledged += usize::from(line.starts_with("acknowledged "));
        said.push(line);
    }
    std::thread::sleep(longer);
    // SIGKILL: no destructor runs, no buffer is written.
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(lines.iter());
    reading.join().unwrap();
    said
}

#[derive(Default)]
struct Promised {
    receipts: BTreeSet<String>,
    checkpoints: Vec<(String, String)>,
}

impl Promised {
    fn hear(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("acknowledged", id)) => drop(self.receipts.insert(id.to_owned())),
            Some(("checkpoint", rest)) => {
                let (tenant, note) = rest.split_once(' ').unwrap();
                self.checkpoints.push((tenant.to_owned(), note.replace("\\n", "\n")));
            }
            // What the test harness itself says.
            _ => {}
        }
    }

    async fn check(&self, store: &Store) {
        let keys = KeySet::from_public_keys(&[store.public_key()]).unwrap();
        let mut found = BTreeSet::new();
        let mut reader = store.reader().await.unwrap();
        for tenant in TENANTS {
            let sql = sqlx::query(
                "SELECT receipt_id, idx, jwt, leaf_hash FROM receipts WHERE log_id = \
                 (SELECT log_id FROM logs WHERE tenant_id = $1) ORDER BY idx",
            );
            let mut frontier = Frontier::new();
            let mut roots = vec![frontier.root()];
            for row in reader.fetch_all(sql.bind(tenant)).await.unwrap() {
                assert_eq!(row.count("idx").unwrap(), frontier.size(), "a gap in the log of {tenant}");
                let leaf = receipt_leaf_hash(&row.text("jwt").unwrap());
                assert_eq!(leaf, Hash(row.hash("leaf_hash").unwrap()));
                frontier.push(leaf);
                roots.push(frontier.root());
                found.insert(row.text("receipt_id").unwrap());
            }
            let sql = sqlx::query("SELECT checkpoint FROM logs WHERE tenant_id = $1").bind(tenant);
            let latest = reader.fetch_optional(sql).await.unwrap().unwrap().text("checkpoint").unwrap();
            let latest = Checkpoint::verify(&latest, &keys).unwrap();
            assert_eq!((latest.size(), *latest.root()), (frontier.size(), frontier.root()));
            for (_, note) in self.checkpoints.iter().filter(|(of, _)| of == tenant) {
                let shown = Checkpoint::verify(note, &keys).unwrap();
                let root = roots.get(usize::try_from(shown.size()).unwrap());
                assert_eq!(root, Some(shown.root()), "the log is not the one of a checkpoint it has shown");
            }
        }
        let lost: Vec<_> = self.receipts.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let effects = reader.fetch_all(sqlx::query("SELECT receipt_id FROM effects")).await.unwrap();
        let effects: BTreeSet<String> = effects.iter().map(|row| row.text("receipt_id").unwrap()).collect();
        assert_eq!(effects, found, "an effect without its receipt, or the reverse");
    }
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_to_kill_9() {
    on_every_database(async |options| {
        if options.url == "sqlite::memory:" {
            return;
        }
        let open = || Store::open(options.clone(), deps());
        let store = open().await.unwrap();
        let created = store.write::<(), StoreError>(|tx| {
            Box::pin(async move {
                tx.execute(sqlx::query("CREATE TABLE effects (receipt_id TEXT NOT NULL PRIMARY KEY)"))
                    .await?;
                Ok(Commit::without_receipt((), "a table for the test"))
            })
        });
        created.await.unwrap();
        store.shutdown().await;
        drop(store);
        let mut promised = Promised::default();
        for round in 0..4 {
            let longer = Duration::from_micros(700 * round);
            for line in run_and_kill(&options.url, 200 + 150 * usize::try_from(round).unwrap(), longer) {
                promised.hear(&line);
            }
            let store = open().await.unwrap();
            promised.check(&store).await;
            store.shutdown().await;
        }
        assert!(promised.receipts.len() >= 4 * 200 && promised.checkpoints.len() > 10);
    })
    .await;
}
