//! A server below HTTP: it reads a request and then does what a broken one would.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the server does with the request of one connection.
pub(crate) enum Act {
    /// Writes this and closes.
    Write(Vec<u8>),
    /// Writes this and then nothing, with the connection open.
    Hang(Vec<u8>),
    /// Resets the connection.
    Reset,
}

pub(crate) struct RawServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Serves one connection per act, then closes its port.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let recorded = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            for act in acts {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let request = read_request(&mut stream).await;
                recorded.lock().expect("not poisoned").push(request);
                match act {
                    Act::Write(bytes) => stream.write_all(&bytes).await.expect("written"),
                    Act::Hang(bytes) => {
                        stream.write_all(&bytes).await.expect("written");
                        open.push(stream);
                    }
                    Act::Reset => stream.set_zero_linger().expect("a reset"),
                }
                counted.send_modify(|count| *count += 1);
            }
            // Connections that hang stay open as long as the test.
            std::future::pending::<()>().await;
            drop(open);
        });
        Self { url, requests, count, task }
    }

    /// Takes connections and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::accept(usize::MAX, None).await
    }

    /// Answers what is sent first with something that is no TLS, on this many connections.
    pub(crate) async fn garbled(connections: usize) -> Self {
        Self::accept(connections, Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await
    }

    async fn accept(connections: usize, answer: Option<&'static [u8]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            for _ in 0..connections {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                if let Some(answer) = answer {
                    let _ = stream.read(&mut [0; 1024]).await.expect("a greeting");
                    stream.write_all(answer).await.expect("written");
                }
                open.push(stream);
            }
            std::future::pending::<()>().await;
        });
        Self { url, requests: Arc::default(), count: watch::channel(0).1, task }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }

    /// Waits until the server has acted on this many requests.
    pub(crate) async fn acted(&self, requests: usize) {
        let mut count = self.count.clone();
        let reached = count.wait_for(|count| *count >= requests);
        tokio::time::timeout(Duration::from_secs(10), reached)
            .await
            .expect("the request came")
            .expect("the server runs");
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the head of a request and a body of its Content-Length.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse().expect("a length"));
            if body.len() >= length {
                return text.into_owned();
            }
        }
        let read = stream.read_buf(&mut bytes).await.expect("a request");
        assert!(read > 0, "the client closed within its request: {:?}", String::from_utf8_lossy(&bytes));
    }
}

/// A response with this head line, headers and body, and a right Content-Length.
pub(crate) fn response(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}
