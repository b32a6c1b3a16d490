//! Thousands of sockets in one event loop: the reading half of every figure.
//!
//! One thread, one buffer, no task per socket: what it costs to read must not hide what it costs
//! to send. A delivery is a frame that names a `seq`; its lateness counts from the first socket
//! that got the same `seq`, for every peer alike.
//!
//! **Invariant:** a frame that does not start where the socket's last one ended is a gap.

use crate::Error;
use crate::num::{count, micros};
use crate::stats::{Micros, histogram};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mio::{Events, Interest, Poll, Token};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

/// Handshakes under way at a time.
const OPENING_MAX: usize = 64;
/// Sockets of one source address: well below the ports that the system gives out.
const PER_ADDRESS: usize = 10_000;
const OPEN_WITHIN: Duration = Duration::from_secs(30);
const OPEN_TRIES: u32 = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(200);
/// A stalled reader's kernel buffer, so that the server soon notices.
const STALLED_BUFFER: u32 = 4 * 1024;
const SCRATCH: usize = 64 * 1024;
/// Seqs whose first arrival is remembered.
const RECENT: usize = 64;
/// Sockets read between two moments at which another thread may have the core.
const READS_AT_ONCE: usize = 16;
/// RFC 6455's own example; the bare server knows its answer by heart.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Where to connect.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) path: String,
    pub(super) subprotocol: Option<&'static str>,
    /// Said by each socket after its handshake, in their order; fewer are fine.
    pub(super) first_words: Vec<String>,
}

/// What the sockets saw in a stretch of time.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) elapsed: Duration,
    /// Frames about the board.
    pub(super) deliveries: u64,
    /// Their payload.
    pub(super) bytes: u64,
    /// Own rows.
    pub(super) own: u64,
    pub(super) snapshots: u64,
    /// Deltas over more than one step.
    pub(super) merged: u64,
    pub(super) gaps: u64,
    /// Sockets that ended.
    pub(super) closed: u64,
    pub(super) lag: Micros,
}

struct Line {
    stream: mio::net::TcpStream,
    seq: u64,
    rest: Vec<u8>,
    stalls: bool,
}

/// Open sockets.
pub(super) struct Swarm {
    poll: Poll,
    lines: Vec<Option<Line>>,
    first: VecDeque<(u64, Instant)>,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Swarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Swarm").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

impl Seen {
    fn new() -> Result<Self, Error> {
        Ok(Self {
            elapsed: Duration::ZERO,
            deliveries: 0,
            bytes: 0,
            own: 0,
            snapshots: 0,
            merged: 0,
            gaps: 0,
            closed: 0,
            lag: histogram()?,
        })
    }
}

/// The source address of the n-th socket: 127.0.0.2, .3, …
fn source(n: usize) -> SocketAddr {
    let host = u8::try_from(2 + n / PER_ADDRESS).unwrap_or(254);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0)
}

/// A frame of a client; its mask is zero, which changes nothing.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short), _) if short < 126 => frame.push(0x80 | short),
        (_, length) => {
            frame.push(0x80 | 126);
            frame.extend(length.unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Connects one socket and shakes hands; the bytes that came after.
pub(super) async fn connect(
    target: &Target,
    n: usize,
    stalls: bool,
) -> Result<(tokio::net::TcpStream, Vec<u8>), Error> {
    let socket = TcpSocket::new_v4().map_err(Error::io("make a socket"))?;
    if stalls {
        socket.set_recv_buffer_size(STALLED_BUFFER).map_err(Error::io("size a socket"))?;
    }
    // Ports that the round before has left are good again.
    socket.set_reuseaddr(true).map_err(Error::io("set up a socket"))?;
    socket.bind(source(n)).map_err(Error::io("bind a socket"))?;
    let mut stream = socket.connect(target.address).await.map_err(Error::io("connect"))?;
    stream.set_nodelay(true).map_err(Error::io("set up a socket"))?;
    let mut request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n",
        target.path, target.address
    );
    if let Some(subprotocol) = target.subprotocol {
        request.extend(["Sec-WebSocket-Protocol: ", subprotocol, "\r\n"]);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(Error::io("shake hands"))?;
    let mut answer = Vec::new();
    let end = loop {
        if let Some(at) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        let read = stream.read_buf(&mut answer).await.map_err(Error::io("shake hands"))?;
        if read == 0 {
            return Err(Error::Malformed("the handshake was not answered".to_owned()));
        }
    };
    let rest = answer.split_off(end);
    let head = String::from_utf8_lossy(&answer);
    if !head.starts_with("HTTP/1.1 101") {
        let line = head.lines().next().unwrap_or_default();
        return Err(Error::Malformed(format!("no upgrade: {line}")));
    }
    if let Some(words) = target.first_words.get(n) {
        let frame = masked(1, words.as_bytes());
        stream.write_all(&frame).await.map_err(Error::io("say something"))?;
    }
    Ok((stream, rest))
}

/// The same, again and again: a server that has no place just now says so.
async fn patiently(
    target: &Target,
    n: usize,
    stalls: bool,
) -> Result<(tokio::net::TcpStream, Vec<u8>), Error> {
    for _ in 0..OPEN_TRIES {
        match connect(target, n, stalls).await {
            Err(Error::Malformed(text)) if text.contains(" 503 ") => {
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
    connect(target, n, stalls).await
}

impl Swarm {
    /// Opens sockets; of them, `stalled` are ready to stop reading.
    pub(super) async fn open(
        target: &Target,
        sockets: usize,
        stalled: usize,
    ) -> Result<Self, Error> {
        let every = sockets.checked_div(stalled).unwrap_or(usize::MAX).max(1);
        let open = |n: usize| {
            let stalls = n.is_multiple_of(every) && n / every < stalled;
            async move {
                let opened = tokio::time::timeout(OPEN_WITHIN, patiently(target, n, stalls)).await;
                opened.unwrap_or(Err(Error::Timeout(OPEN_WITHIN.as_millis()))).map(|o| (o, stalls))
            }
        };
        let opened: Vec<_> =
            stream::iter(0..sockets).map(open).buffered(OPENING_MAX).try_collect().await?;
        let poll = Poll::new().map_err(Error::io("make a poll"))?;
        let mut lines = Vec::with_capacity(sockets);
        for (n, ((stream, rest), stalls)) in opened.into_iter().enumerate() {
            let stream = stream.into_std().map_err(Error::io("take a socket over"))?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry()
                .register(&mut stream, Token(n), Interest::READABLE)
                .map_err(Error::io("watch a socket"))?;
            lines.push(Some(Line { stream, seq: 0, rest, stalls }));
        }
        Ok(Self { poll, lines, first: VecDeque::new(), scratch: vec![0; SCRATCH] })
    }

    /// Open sockets.
    pub(super) fn len(&self) -> usize {
        self.lines.iter().flatten().count()
    }

    /// Lets the stalling part stop reading, or go on.
    pub(super) fn stall(&mut self, stop: bool) -> Result<(), Error> {
        for (n, line) in self.lines.iter_mut().enumerate() {
            let Some(line) = line.as_mut().filter(|line| line.stalls) else { continue };
            let registry = self.poll.registry();
            match stop {
                true => registry.deregister(&mut line.stream),
                false => registry.register(&mut line.stream, Token(n), Interest::READABLE),
            }
            .map_err(Error::io("watch a socket"))?;
        }
        Ok(())
    }

    /// Reads whatever comes for so long, off the runtime's thread.
    pub(super) async fn watch(self, time: Duration) -> Result<(Self, Seen), Error> {
        let watched = tokio::task::spawn_blocking(move || {
            let mut swarm = self;
            let seen = swarm.read(time)?;
            Ok((swarm, seen))
        });
        watched.await.map_err(|error| Error::Malformed(error.to_string()))?
    }

    fn read(&mut self, time: Duration) -> Result<Seen, Error> {
        let (mut seen, begin) = (Seen::new()?, Instant::now());
        let mut events = Events::with_capacity(1024);
        while let Some(left) = time.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) {
            match self.poll.poll(&mut events, Some(left.min(Duration::from_millis(100)))) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("wait for sockets")(error)),
            }
            for (n, event) in events.iter().enumerate() {
                // Whoever measures something else on this core does not wait for a whole board.
                if n % READS_AT_ONCE == 0 {
                    std::thread::yield_now();
                }
                let Some(slot) = self.lines.get_mut(event.token().0) else { continue };
                let Some(line) = slot else { continue };
                if !line.take(&mut self.scratch, &mut self.first, &mut seen) {
                    *slot = None;
                    seen.closed += 1;
                }
            }
        }
        seen.elapsed = begin.elapsed();
        Ok(seen)
    }
}

/// The number after `mark`.
fn number(text: &[u8], mark: &[u8]) -> Option<u64> {
    let at = text.windows(mark.len()).position(|some| some == mark)? + mark.len();
    let digits = text.get(at..)?.iter().take_while(|digit| digit.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The first frame's opcode and payload, and where the next one begins.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (opcode, short) = (bytes.first()? & 0x0f, usize::from(bytes.get(1)? & 0x7f));
    let (length, from) = match short {
        126 => {
            let two: [u8; 2] = bytes.get(2..4)?.try_into().ok()?;
            (usize::from(u16::from_be_bytes(two)), 4)
        }
        127 => {
            let eight: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
            (usize::try_from(u64::from_be_bytes(eight)).ok()?, 10)
        }
        short => (short, 2),
    };
    Some((opcode, bytes.get(from..from + length)?, from + length))
}

impl Line {
    /// Reads what is there; whether the socket goes on.
    fn take(
        &mut self,
        scratch: &mut [u8],
        first: &mut VecDeque<(u64, Instant)>,
        seen: &mut Seen,
    ) -> bool {
        loop {
            let read = match self.stream.read(scratch) {
                Ok(0) => return false,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            let now = Instant::now();
            let bytes = scratch.get(..read).unwrap_or_default();
            if self.rest.is_empty() {
                let Some(used) = self.frames(bytes, now, first, seen) else { return false };
                self.rest.extend(bytes.get(used..).unwrap_or_default());
            } else {
                let mut rest = std::mem::take(&mut self.rest);
                rest.extend(bytes);
                let Some(used) = self.frames(&rest, now, first, seen) else { return false };
                rest.drain(..used);
                if !rest.is_empty() {
                    self.rest = rest;
                }
            }
            // Less than there was room for: the socket is empty, and says so when it is not.
            if read < scratch.len() {
                return true;
            }
        }
    }

    /// Acts on whole frames; how many bytes they had, or that it is over.
    fn frames(
        &mut self,
        bytes: &[u8],
        now: Instant,
        first: &mut VecDeque<(u64, Instant)>,
        seen: &mut Seen,
    ) -> Option<usize> {
        let mut used = 0;
        while let Some((opcode, payload, length)) = frame(bytes.get(used..)?) {
            used += length;
            match opcode {
                1 | 2 => self.message(payload, now, first, seen),
                8 => return None,
                // A pong is small: a socket that would not take it is about to end.
                9 => self.stream.write_all(&masked(10, payload)).ok()?,
                _ => {}
            }
        }
        Some(used)
    }

    fn message(
        &mut self,
        payload: &[u8],
        now: Instant,
        first: &mut VecDeque<(u64, Instant)>,
        seen: &mut Seen,
    ) {
        if payload.starts_with(br#"{"t":"snapshot""#) {
            self.seq = number(payload, br#""seq":"#).unwrap_or_default();
            seen.snapshots += 1;
        } else if payload.starts_with(br#"{"t":"delta""#) {
            let seq = number(payload, br#""seq":"#).unwrap_or_default();
            // The base is named, at once after `seq`, where it is not the board before.
            let head = payload.get(..64).unwrap_or(payload);
            let prev = number(head, br#""prev":"#).unwrap_or(seq.saturating_sub(1));
            seen.deliveries += 1;
            seen.bytes += count(payload.len());
            // Peers without snapshots begin anywhere.
            if self.seq != prev && self.seq != 0 {
                seen.gaps += 1;
            }
            seen.merged += u64::from(seq > prev + 1);
            self.seq = seq;
            if self.stalls {
                return;
            }
            let known = first.iter().rev().find(|(of, _)| *of == seq);
            let lag = known.map_or(Duration::ZERO, |(_, at)| now.saturating_duration_since(*at));
            if known.is_none() {
                first.push_back((seq, now));
                if first.len() > RECENT {
                    first.pop_front();
                }
            }
            seen.lag.record(micros(lag).max(1)).ok();
        } else if payload.starts_with(br#"{"t":"me""#) {
            seen.own += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_numbers_are_found() {
        assert_eq!(frame(&[0x81, 2, b'h', b'i', 0x89]), Some((1, &b"hi"[..], 4)));
        assert_eq!(frame(&[0x81, 2, b'h']), None);
        let long = [&[0x82, 126, 1, 0][..], &[7; 256]].concat();
        assert_eq!(frame(&long), Some((2, &[7; 256][..], 260)));
        assert_eq!(number(br#"{"seq":42,"prev":41}"#, br#""prev":"#), Some(41));
        assert_eq!(number(b"{}", br#""seq":"#), None);
        assert_eq!(masked(9, b"hi"), [0x89, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }

    #[test]
    fn sources_change_before_ports_run_out() {
        let host = |n| source(n).ip().to_string();
        assert_eq!(
            (host(0), host(9_999), host(10_000)),
            ("127.0.0.2".to_owned(), "127.0.0.2".to_owned(), "127.0.0.3".to_owned())
        );
    }
}
