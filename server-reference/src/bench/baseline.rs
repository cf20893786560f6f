//! The bare handler that privileged writes are held against: one axum route, no authentication, no policy, no receipt,
//! no idempotency. It inserts one row and answers when the group the row is in has been synced to disk.

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Acquire, ConnectOptions, QueryBuilder, Sqlite, SqliteConnection};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::BenchError;

/// The most rows of one group; the same as the store's.
const GROUP: usize = 256;

type Row = (Bytes, oneshot::Sender<bool>);

/// Starts the bare server on a free loopback port. It ends with the runtime.
pub(super) async fn start(folder: &Path) -> Result<SocketAddr, BenchError> {
    let mut connection = SqliteConnectOptions::new()
        .filename(folder.join("baseline.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    sqlx::query("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        .execute(&mut connection)
        .await?;
    let (sender, receiver) = mpsc::channel::<Row>(4 * GROUP);
    tokio::spawn(write_groups(connection, receiver));
    let app = Router::new().route("/rows", post(insert)).with_state(sender);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve_bare(listener, app));
    Ok(address)
}

async fn insert(State(sender): State<mpsc::Sender<Row>>, body: Bytes) -> (StatusCode, Bytes) {
    let (done, durable) = oneshot::channel();
    let sent = sender.send((body.clone(), done)).await.is_ok();
    match sent && durable.await.unwrap_or(false) {
        true => (StatusCode::CREATED, body),
        false => (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
    }
}

async fn write_groups(mut connection: SqliteConnection, mut receiver: mpsc::Receiver<Row>) {
    let mut group = Vec::with_capacity(GROUP);
    while receiver.recv_many(&mut group, GROUP).await > 0 {
        let durable = write_group(&mut connection, &group).await.is_ok();
        for (_, done) in group.drain(..) {
            // A client that went away does not wait for the answer.
            let _gone = done.send(durable);
        }
    }
}

async fn write_group(connection: &mut SqliteConnection, group: &[Row]) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    QueryBuilder::<Sqlite>::new("INSERT INTO rows (body) ")
        .push_values(group, |mut row, (body, _)| {
            row.push_bind(String::from_utf8_lossy(body).into_owned());
        })
        .build()
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Serves `app` as plainly as hyper can.
async fn serve_bare(listener: TcpListener, app: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let service = TowerToHyperService::new(app.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
