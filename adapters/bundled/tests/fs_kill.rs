//! A process is killed while it writes, again and again: what it had acknowledged is there, and everything that is
//! there is whole.

use std::error::Error as StdError;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use companyos_adapter_traits::storage::{GetOptions, ObjectKey};
use companyos_adapter_traits::{Context, Error, ObjectStorage, ObjectStorageExt};
use companyos_adapters::fs::FsStorage;

type Test = Result<(), Box<dyn StdError>>;

const FOLDER: &str = "COMPANYOS_TEST_KILL_FOLDER";
const ROUNDS: u64 = 6;
const WRITERS: u64 = 4;

fn ctx() -> Context {
    Context::builder("acme", "eu").build()
}

/// What the object with this number holds: its number, and enough bytes that a write takes a while.
fn body(number: u64) -> Vec<u8> {
    let mut body = number.to_string().into_bytes();
    body.resize(20_000 + (number as usize * 7919) % 200_000, b'.');
    body
}

fn number(body: &[u8]) -> Option<u64> {
    let text = str::from_utf8(body).ok()?.trim_end_matches('.').parse().ok()?;
    (self::body(text) == body).then_some(text)
}

#[tokio::test]
async fn acknowledged_objects_survive_kill_9() -> Test {
    let folder = tempfile::tempdir()?;
    let mut created = Vec::new();
    let mut replaced = [0; WRITERS as usize];
    for round in 0..ROUNDS {
        let acknowledged = write_until_killed(folder.path(), 10 + round as usize * 7)?;
        for line in &acknowledged {
            let (what, number) = line.split_once(' ').ok_or("a line is cut")?;
            let number: u64 = number.parse()?;
            match what {
                "created" => created.push(number),
                _ => replaced[(number % WRITERS) as usize] = number,
            }
        }

        let store = FsStorage::open(folder.path())?;
        assert_eq!(std::fs::read_dir(folder.path().join("staging"))?.count(), 0, "leftovers are swept");
        for number in &created {
            let read = store.read(&ctx(), &new(*number)?).await?;
            assert!(read == body(*number), "the acknowledged object {number} is not what was written");
        }
        for (writer, last) in replaced.iter().enumerate().filter(|(_, last)| **last > 0) {
            let found =
                number(&store.read(&ctx(), &current(writer as u64)?).await?).ok_or("a mixed-up object")?;
            assert!(found >= *last, "writer {writer} was told that {last} is written, and {found} is there");
        }
        // What was not acknowledged may be there or not, but never in part: a whole read checks the digest.
        for object in store.list_all(&ctx(), "").await? {
            let read = store.get(&ctx(), &object.key, &GetOptions::default()).await?.bytes().await?;
            assert!(number(&read).is_some(), "{} is not whole", object.key);
        }
    }
    assert!(created.len() as u64 > ROUNDS, "too little was acknowledged to prove anything");
    Ok(())
}

/// Runs a process that writes to the folder, kills it after so many acknowledgements, and returns all it gave.
fn write_until_killed(
    folder: &std::path::Path,
    acknowledgements: usize,
) -> Result<Vec<String>, Box<dyn StdError>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["the_process_to_kill", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).split(b'\n');
    let mut acknowledged = Vec::new();
    let mut take = |line: Vec<u8>| {
        // The test harness prints to the same pipe.
        let line = String::from_utf8(line).unwrap_or_default();
        if line.starts_with("created ") || line.starts_with("replaced ") {
            acknowledged.push(line);
        }
        acknowledged.len()
    };
    while let Some(line) = lines.next().transpose()? {
        if take(line) >= acknowledgements {
            break;
        }
    }
    child.kill()?; // SIGKILL
    // Acknowledgements that were on their way count: the writes were done.
    while let Some(line) = lines.next().transpose()? {
        take(line);
    }
    let status = child.wait()?;
    assert!(!status.success(), "the process ended before it was killed");
    Ok(acknowledged)
}

/// Writes for ever, but only as the child of the test above.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_process_to_kill() -> Test {
    let Some(folder) = std::env::var_os(FOLDER) else { return Ok(()) };
    let store = FsStorage::open(folder)?;
    let first = store.list_all(&ctx(), "new/").await?.len() as u64;
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            // Numbers that earlier rounds cannot have used, each writer its own.
            for number in ((first + 1) * 1000 * WRITERS + writer..).step_by(WRITERS as usize) {
                store.create(&ctx(), &new(number)?, body(number)).await?;
                acknowledge("created", number)?;
                store.write(&ctx(), &current(writer)?, body(number)).await?;
                acknowledge("replaced", number)?;
            }
            Ok::<(), Box<dyn StdError + Send + Sync>>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await?.map_err(|error| error as Box<dyn StdError>)?;
    }
    Ok(())
}

fn acknowledge(what: &str, number: u64) -> io::Result<()> {
    // One write per line, so that a kill cannot cut it; on a line of its own, whatever the harness has printed.
    io::stdout().lock().write_all(format!("\n{what} {number}\n").as_bytes())?;
    io::stdout().flush()
}

fn new(number: u64) -> Result<ObjectKey, Error> {
    ObjectKey::new(format!("new/{}/{number}", number % 10))
}

fn current(writer: u64) -> Result<ObjectKey, Error> {
    ObjectKey::new(format!("current/{writer}"))
}
