//! One effect per key, whoever races.

use super::*;
use crate::kernel::clock::Timestamp;

const KEY: [u8; 32] = [1; 32];

fn record(key: [u8; 32], response: &str, expires_at: Timestamp) -> Remember {
    Remember { key, fingerprint: [2; 32], response: response.as_bytes().to_vec(), expires_at }
}

/// Writes a name under a key.
async fn add_once(store: &Store, name: &str, remember: Remember) -> Result<(), StoreError> {
    let name = name.to_owned();
    write(store, move |tx| {
        let (name, remember) = (name.clone(), remember.clone());
        Box::pin(async move {
            insert(tx, &name).await?;
            Ok(Commit::with_receipt((), draft("tnt_a")).remembering(Some(remember)))
        })
    })
    .await
}

async fn remembered(store: &Store, key: [u8; 32], now: Timestamp) -> Option<Remembered> {
    store.reader().await.unwrap().remembered(&key, now).await.unwrap()
}

fn later(seconds: u64) -> Timestamp {
    deps().clock.now().saturating_add(Duration::from_secs(seconds))
}

#[tokio::test]
async fn a_record_is_committed_with_its_effect_and_found_until_it_expires() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let expires_at = later(60);
        assert_eq!(remembered(&store, KEY, later(0)).await, None);
        add_once(&store, "one", record(KEY, "reply", expires_at)).await.unwrap();
        let found = remembered(&store, KEY, later(0)).await.unwrap();
        assert_eq!(found.fingerprint, [2; 32]);
        assert_eq!(found.response, b"reply");
        assert_eq!(found.expires_at, expires_at);
        assert_eq!(remembered(&store, KEY, expires_at).await, None);
        assert_eq!(remembered(&store, [9; 32], later(0)).await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writes_with_one_key_one_is_committed() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let outcomes = at_once((0..120).map(|number| {
            let store = store.clone();
            let key = [u8::try_from(number % 10).unwrap(); 32];
            async move { add_once(&store, &format!("{number:03}"), record(key, "x", later(60))).await }
        }))
        .await;
        let raced =
            outcomes.iter().filter(|outcome| matches!(outcome, Err(StoreError::IdempotencyRaced))).count();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
        assert_eq!(raced, 110);
        let mut digits: Vec<_> = names(&store).await.iter().map(|name| name[2..].to_owned()).collect();
        digits.sort();
        assert_eq!(digits, (0..10).map(|digit| digit.to_string()).collect::<Vec<_>>());
        assert_eq!(indices(&store, "tnt_a").await, (0..10).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn an_expired_key_may_be_used_anew() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let expired = Timestamp::from_micros(1);
        add_once(&store, "one", record(KEY, "old", expired)).await.unwrap();
        add_once(&store, "two", record(KEY, "new", later(60))).await.unwrap();
        assert_eq!(remembered(&store, KEY, later(0)).await.unwrap().response, b"new");
        let again = add_once(&store, "three", record(KEY, "newer", later(60))).await;
        assert!(matches!(again, Err(StoreError::IdempotencyRaced)));
        assert_eq!(names(&store).await, ["one", "two"]);
    })
    .await;
}

#[tokio::test]
async fn sweeping_deletes_what_has_expired_and_nothing_else() {
    on_every_engine(async |store| {
        create_names(&store).await;
        let outcomes = at_once((0..2_500_u32).map(|number| {
            let store = store.clone();
            async move {
                let mut key = [0; 32];
                key[..4].copy_from_slice(&number.to_be_bytes());
                let expires_at = if number % 5 == 0 { later(3_600) } else { later(60) };
                add_once(&store, &number.to_string(), record(key, "x", expires_at)).await
            }
        }))
        .await;
        outcomes.into_iter().collect::<Result<(), _>>().unwrap();
        assert_eq!(store.sweep_idempotency(later(0)).await.unwrap(), 0);
        assert_eq!(store.sweep_idempotency(later(120)).await.unwrap(), 2_000);
        assert!(remembered(&store, [0; 32], later(0)).await.is_some());
    })
    .await;
}
