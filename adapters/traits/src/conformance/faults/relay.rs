//! One connection.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::plan::{Direction, Draw, Fault};
use super::{Shared, count};

/// How long a duplicate waits for its answer, which nobody reads.
const PATIENCE: Duration = Duration::from_secs(5);

struct Side {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    buffer: Vec<u8>,
    /// Whether it can still send.
    open: bool,
    /// The bytes it has sent, since the offsets of the fault began to count.
    sent: u64,
}

impl Side {
    fn new(stream: TcpStream) -> Self {
        // Held-back small packets would only make the tests slow.
        let _ = stream.set_nodelay(true);
        let (from, to) = stream.into_split();
        Self { from, to, buffer: vec![0; 16 << 10], open: true, sent: 0 }
    }

    /// Waits for bytes; for ever once there are no more to come.
    async fn read(&mut self) -> io::Result<usize> {
        if !self.open {
            return pending().await;
        }
        self.from.read(&mut self.buffer).await
    }
}

pub(super) async fn run(
    client: TcpStream,
    server: TcpStream,
    shared: &Shared,
    scripted: Option<Fault>,
) -> io::Result<()> {
    let (mut client, mut server) = (Side::new(client), Side::new(server));
    let mut fault = scripted;
    // Where the last bytes came from: what the client sends after the server has is a new exchange.
    let mut last = Direction::Down;
    // The request, as long as it may have to be sent again.
    let mut request = Vec::new();
    while client.open || server.open {
        let (direction, read) = {
            let (up, down) = (pin!(client.read()), pin!(server.read()));
            match select(up, down).await {
                Either::Left((read, _)) => (Direction::Up, read?),
                Either::Right((read, _)) => (Direction::Down, read?),
            }
        };
        let (from, to) = match direction {
            Direction::Up => (&mut client, &mut server),
            Direction::Down => (&mut server, &mut client),
        };
        if read == 0 {
            from.open = false;
            // The other side may still have something to say.
            to.to.shutdown().await?;
            continue;
        }
        if direction != last && direction == Direction::Up {
            count(&shared.counters.exchanges);
            if let Some(drawn) = shared.draw(Draw::exchange) {
                fault = Some(drawn);
                (from.sent, to.sent) = (0, 0);
            }
            request.clear();
        }
        let answered = direction != last && direction == Direction::Down;
        last = direction;
        if fault == Some(Fault::Duplicate) {
            if direction == Direction::Up {
                request.extend_from_slice(&from.buffer[..read]);
            } else if answered {
                fault = None;
                count(&shared.counters.duplicated);
                repeat(shared.upstream, std::mem::take(&mut request));
            }
        }
        if !pass(from, to, direction, read, &mut fault, shared).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Passes what was read on, and lets the fault strike if its place is reached. `false` when that was the end.
async fn pass(
    from: &mut Side,
    to: &mut Side,
    direction: Direction,
    read: usize,
    fault: &mut Option<Fault>,
    shared: &Shared,
) -> io::Result<bool> {
    let start = from.sent;
    from.sent += read as u64;
    let counters = &shared.counters;
    // How many of these bytes come before a place, if it lies among them.
    let reached = |of: Direction, place: u64| {
        (of == direction && place >= start && place < start + read as u64).then(|| (place - start) as usize)
    };
    match *fault {
        Some(Fault::Cut { direction: of, after }) => {
            if let Some(before) = reached(of, after) {
                count(&counters.cut);
                to.to.write_all(&from.buffer[..before]).await?;
                return Ok(false);
            }
        }
        Some(Fault::Stall { direction: of, after, pause }) => {
            if let Some(before) = reached(of, after) {
                count(&counters.stalled);
                *fault = None;
                to.to.write_all(&from.buffer[..before]).await?;
                tokio::time::sleep(pause).await;
                to.to.write_all(&from.buffer[before..read]).await?;
                return Ok(true);
            }
        }
        Some(Fault::Corrupt { direction: of, at }) => {
            if let Some(at) = reached(of, at) {
                count(&counters.corrupted);
                *fault = None;
                from.buffer[at] ^= 1;
            }
        }
        Some(Fault::Duplicate) | None => {}
    }
    to.to.write_all(&from.buffer[..read]).await?;
    Ok(true)
}

/// Sends a request once more, and drops what comes back.
fn repeat(upstream: SocketAddr, request: Vec<u8>) {
    tokio::spawn(tokio::time::timeout(PATIENCE, async move {
        let mut again = TcpStream::connect(upstream).await?;
        again.write_all(&request).await?;
        again.shutdown().await?;
        let mut answer = [0; 4096];
        while again.read(&mut answer).await? > 0 {}
        Ok::<(), io::Error>(())
    }));
}
