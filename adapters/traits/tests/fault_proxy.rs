//! The proxy does to connections what it is told, and nothing else.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use companyos_adapter_traits::conformance::faults::{Direction, Fault, FaultPlan, FaultProxy};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Test = Result<(), Box<dyn std::error::Error>>;

/// A server that answers every line with the line, and counts the lines.
async fn server() -> io::Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?.to_string();
    let lines = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&lines);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    counter.fetch_add(1, Ordering::SeqCst);
                    if stream.write_all(line.as_bytes()).await.is_err() {
                        break;
                    }
                    line.clear();
                }
            });
        }
    });
    Ok((addr, lines))
}

/// Sends a line and returns what comes back until the line ends or the connection does.
async fn ask(stream: &mut BufReader<TcpStream>, line: &str) -> io::Result<String> {
    stream.write_all(line.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_until(b'\n', &mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn connect(proxy: &FaultProxy) -> io::Result<BufReader<TcpStream>> {
    TcpStream::connect(proxy.addr()).await.map(BufReader::new)
}

#[tokio::test]
async fn without_a_plan_everything_passes() -> Test {
    let (addr, lines) = server().await?;
    let proxy = FaultProxy::start(addr, FaultPlan::none()).await?;
    let mut stream = connect(&proxy).await?;
    let long = format!("{}\n", "x".repeat(100_000));
    for line in ["one\n", "two\n", &long] {
        assert_eq!(ask(&mut stream, line).await?, line);
    }
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.exchanges, counts.faults()), (1, 3, 0));
    assert_eq!(lines.load(Ordering::SeqCst), 3);
    Ok(())
}

#[tokio::test]
async fn a_cut_on_the_way_up_keeps_the_request_from_the_server() -> Test {
    let (addr, lines) = server().await?;
    let plan = FaultPlan::script([Some(Fault::Cut { direction: Direction::Up, after: 2 }), None]);
    let proxy = FaultProxy::start(addr, plan).await?;
    let answer = ask(&mut connect(&proxy).await?, "first\n").await;
    assert!(!answer.is_ok_and(|answer| !answer.is_empty()), "a cut request was answered");
    assert_eq!(lines.load(Ordering::SeqCst), 0);
    assert_eq!(ask(&mut connect(&proxy).await?, "second\n").await?, "second\n", "the script says so");
    assert_eq!((proxy.counts().cut, proxy.counts().connections), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_cut_on_the_way_down_loses_the_answer_to_what_was_done() -> Test {
    let (addr, lines) = server().await?;
    let plan = FaultPlan::script([Some(Fault::Cut { direction: Direction::Down, after: 3 })]);
    let proxy = FaultProxy::start(addr, plan).await?;
    assert_eq!(ask(&mut connect(&proxy).await?, "first\n").await?, "fir");
    assert_eq!(lines.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test]
async fn a_stall_holds_back_and_then_lets_go() -> Test {
    let (addr, _) = server().await?;
    let pause = Duration::from_millis(300);
    let plan = FaultPlan::script([Some(Fault::Stall { direction: Direction::Down, after: 1, pause })]);
    let proxy = FaultProxy::start(addr, plan).await?;
    let (start, mut stream) = (Instant::now(), connect(&proxy).await?);
    assert_eq!(ask(&mut stream, "line\n").await?, "line\n");
    assert!(start.elapsed() >= pause, "it took {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(ask(&mut stream, "line\n").await?, "line\n");
    assert!(start.elapsed() < pause, "it stalled twice");
    assert_eq!(proxy.counts().stalled, 1);
    Ok(())
}

#[tokio::test]
async fn one_bit_of_one_byte_is_corrupted() -> Test {
    for direction in [Direction::Up, Direction::Down] {
        let (addr, _) = server().await?;
        let proxy =
            FaultProxy::start(addr, FaultPlan::script([Some(Fault::Corrupt { direction, at: 6 })])).await?;
        let mut stream = connect(&proxy).await?;
        // Offsets go on from line to line of the connection.
        assert_eq!(ask(&mut stream, "aaa\n").await?, "aaa\n");
        assert_eq!(ask(&mut stream, "aaa\n").await?, "aa`\n", "{direction:?}");
        assert_eq!(ask(&mut stream, "aaa\n").await?, "aaa\n");
        assert_eq!(proxy.counts().corrupted, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_duplicate_reaches_the_server_twice_and_the_client_once() -> Test {
    let (addr, lines) = server().await?;
    let proxy = FaultProxy::start(addr, FaultPlan::script([Some(Fault::Duplicate)])).await?;
    let mut stream = connect(&proxy).await?;
    assert_eq!(ask(&mut stream, "twice\n").await?, "twice\n");
    assert_eq!(ask(&mut stream, "once\n").await?, "once\n");
    for _ in 0..200 {
        if lines.load(Ordering::SeqCst) == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((lines.load(Ordering::SeqCst), proxy.counts().duplicated), (3, 1));
    Ok(())
}

#[tokio::test]
async fn a_rate_strikes_exchanges_of_one_connection_too() -> Test {
    let (addr, _) = server().await?;
    let proxy = FaultProxy::start(addr, FaultPlan::rate(1, 0.2).stalls(Duration::from_millis(1))).await?;
    let (mut broken, mut wrong) = (0, 0);
    let line = format!("{}\n", "z".repeat(80));
    let mut stream = connect(&proxy).await?;
    for _ in 0..300 {
        match ask(&mut stream, &line).await {
            Ok(answer) if answer == line => {}
            Ok(answer) if answer.ends_with('\n') => wrong += 1,
            _ => {
                broken += 1;
                stream = connect(&proxy).await?;
            }
        }
    }
    let counts = proxy.counts();
    assert_eq!((broken, wrong), (counts.cut, counts.corrupted), "{counts:?}");
    assert!((30..90).contains(&counts.faults()), "{counts:?}");
    assert!(counts.connections < 60, "most exchanges share a connection: {counts:?}");
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_is_dropped_closes_its_connections() -> Test {
    let (addr, _) = server().await?;
    let proxy = FaultProxy::start(addr, FaultPlan::none()).await?;
    let mut stream = connect(&proxy).await?;
    ask(&mut stream, "line\n").await?;
    let addr = proxy.addr();
    drop(proxy);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await?;
    assert!(ended.is_err() || rest.is_empty());
    assert!(TcpStream::connect(addr).await.is_err(), "the port is still open");
    Ok(())
}
