//! Requests broken at random, over real sockets: each is answered or dropped, none breaks the server or makes it wait.

use std::time::Duration;

use bytes::Bytes;
use companyos_contract_tests::contract;
use companyos_server::serve::{Encryption, ServeOptions};
use companyos_server::testing::Listening;
use companyos_types::ops;
use futures_util::future::join_all;
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sample::request;
use crate::watch::CONTRACT;
use crate::world::World;

/// Breaks of each operation's request.
const BREAKS: u64 = 300;
/// Nothing here takes long; whoever waits this long, hangs.
const HANGS: Duration = Duration::from_secs(20);

/// A request as it goes over the wire.
fn wire(request: &Request<Bytes>) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\nhost: server.test\r\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    if !request.body().is_empty() {
        text.push_str(&format!("content-length: {}\r\n", request.body().len()));
    }
    [text.as_bytes(), b"\r\n", request.body()].concat()
}

/// Numbers that look random and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

/// What tends to upset parsers.
const PIECES: [&[u8]; 14] = [
    b"\0",
    b"\xff\xfe",
    b"\r\n",
    b"\n",
    b" ",
    b"%00",
    b"%2e%2e/",
    b"?limit=1&limit=2",
    b"content-length: 99999999999999999999\r\n",
    b"content-length: -1\r\n",
    b"transfer-encoding: chunked\r\n",
    b"expect: 100-continue\r\n",
    b"{\"a\":[[[[[[[[[[[[[[[[",
    b"1e999999",
];

/// Changes a few places of a request.
fn broken(whole: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(bytes.len());
        match numbers.below(5) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.drain(at..(at + 1 + numbers.below(16)).min(bytes.len()))),
            3 => {
                let piece = PIECES[numbers.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            _ => {
                let again = bytes[at..(at + 40).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'G');
        }
    }
    bytes
}

/// Sends bytes and the end of them; returns everything that comes back.
async fn exchange(listening: &Listening, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(listening.address()).await.expect("the server takes connections");
    // It may have said its last word, and closed, before it has read everything.
    let _sent = stream.write_all(bytes).await;
    let _ended = stream.shutdown().await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    answer
}

/// Status, headers and body.
type Answer<'a> = (u16, Vec<(String, String)>, &'a [u8]);

/// The first answer of those that came back.
fn parse(answer: &[u8]) -> Option<Answer<'_>> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("a head is ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let body = &answer[end + 4..];
    Some((status, headers, &body[..length.unwrap_or(body.len()).min(body.len())]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_broken_at_random_are_refused_and_nothing_hangs() {
    let World { watched, alice, ids, .. } = World::start().await;
    let options = ServeOptions { header_timeout: Duration::from_secs(5), ..ServeOptions::default() };
    let listening = watched.server.listen_with(Encryption::None, options).await.unwrap();
    let mut numbers = Numbers(2026);
    let mut requests = Vec::new();
    for operation in ops::ALL {
        let whole = wire(&request(operation, &ids, Some(&alice.key)));
        requests.extend((0..BREAKS).map(|_| broken(&whole, &mut numbers)));
    }
    let mut refused = 0;
    for batch in requests.chunks(32) {
        let answers = join_all(batch.iter().map(|bytes| timeout(HANGS, exchange(&listening, bytes)))).await;
        for (bytes, answer) in batch.iter().zip(answers) {
            let shown = String::from_utf8_lossy(bytes);
            let answer = answer.unwrap_or_else(|_| panic!("the server hangs on {shown:?}"));
            let Some((status, headers, body)) = parse(&answer) else { continue };
            let said = String::from_utf8_lossy(body);
            assert!(status < 500, "{status} for {shown:?}: {said}");
            if status >= 400 {
                refused += 1;
                // The operation is not looked at: which one a broken request is about is for the server to say.
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let findings =
                    CONTRACT.validate_problem(&contract::Response { status, headers: &headers, body });
                assert!(findings.is_empty() || body.is_empty(), "{findings:?} for {shown:?}: {said}");
            }
        }
    }
    assert!(refused > requests.len() / 3, "the breaks are too mild: {refused} of {}", requests.len());
    watched.operator().meta().readyz().send().await.expect("the server is well");
    assert!(listening.stop().await.is_some(), "the server panicked");
}
