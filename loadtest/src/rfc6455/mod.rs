//! Whether a WebSocket server speaks RFC 6455: cases as raw bytes, and what must come of each.
//!
//! The server need not echo: seen is whether a connection stays open and answers pings, or with
//! which code it is closed. One that echoes (`fanout/peers.cjs echo`) is the control: it shows
//! that the cases are what they say.

mod cases;

pub use cases::cases;

use crate::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Asked after every case: who answers has stayed open.
const ALIVE: &[u8] = b"are you there";
const WITHIN: Duration = Duration::from_secs(10);

/// What must come of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The connection stays open.
    Open,
    /// The close is answered with this code; 1005 for none.
    Closed(u16),
    /// The connection fails: the client broke the protocol.
    Protocol,
    /// It fails: a text is not UTF-8.
    Utf8,
    /// It fails: a message is too long.
    TooLong,
    /// It fails, as broken or as too long.
    Either,
}

/// A case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its group and what it is.
    pub name: &'static str,
    /// What the client sends after the handshake.
    pub bytes: Vec<u8>,
    /// Payloads of the pongs that must come, in order.
    pub pongs: Vec<Vec<u8>>,
    /// What a server that echoes sends back: opcode and payload.
    pub echo: Option<(u8, Vec<u8>)>,
    /// In one write, or byte by byte.
    pub at_once: bool,
    /// What must come of it.
    pub expect: Expect,
}

/// How a server fails a connection: the codes that it closes with.
#[derive(Debug, Clone, Copy)]
pub struct Codes {
    /// The protocol was broken.
    pub protocol: u16,
    /// A text is not UTF-8.
    pub utf8: u16,
    /// A message is too long.
    pub too_long: u16,
    /// Whether it echoes messages.
    pub echoes: bool,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    pongs: Vec<Vec<u8>>,
    messages: Vec<(u8, Vec<u8>)>,
    /// The code of the close, 1005 for none.
    close: Option<u16>,
    /// Bytes after a close.
    after_close: bool,
    /// The connection ended by itself.
    ended: bool,
}

/// Plays a case at `ws://address/path`; what is wrong with the answer, if anything.
///
/// # Errors
/// [`Error::Io`] or [`Error::Malformed`] when there is no such server.
pub async fn play(
    address: SocketAddr,
    path: &str,
    case: &Case,
    codes: Codes,
) -> Result<Option<String>, Error> {
    let seen = tokio::time::timeout(WITHIN, talk(address, path, case)).await;
    let seen = seen.unwrap_or(Err(Error::Timeout(WITHIN.as_millis())))?;
    Ok(judge(case, codes, &seen))
}

fn judge(case: &Case, codes: Codes, seen: &Seen) -> Option<String> {
    let wrong = |what: &str| Some(format!("{}: {what}; seen {seen:?}", case.name));
    let failed_with: Vec<u16> = match case.expect {
        Expect::Open => {
            let mut pongs = case.pongs.clone();
            pongs.push(ALIVE.to_vec());
            if seen.close.is_some() || seen.ended {
                return wrong("it should stay open");
            }
            if seen.pongs != pongs {
                return wrong("other pongs");
            }
            if codes.echoes && case.echo.iter().ne(&seen.messages) {
                return wrong("another echo");
            }
            return None;
        }
        Expect::Closed(code) => vec![code],
        Expect::Protocol => vec![codes.protocol],
        Expect::Utf8 => vec![codes.utf8],
        Expect::TooLong => vec![codes.too_long],
        Expect::Either => vec![codes.protocol, codes.too_long],
    };
    match seen.close {
        Some(code) if failed_with.contains(&code) => {}
        _ => return wrong(&format!("it should be closed with {failed_with:?}")),
    }
    if seen.after_close {
        return wrong("nothing may come after a close");
    }
    None
}

async fn talk(address: SocketAddr, path: &str, case: &Case) -> Result<Seen, Error> {
    let mut stream = TcpStream::connect(address).await.map_err(Error::io("connect"))?;
    stream.set_nodelay(true).map_err(Error::io("set up a socket"))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(Error::io("shake hands"))?;
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.map_err(Error::io("shake hands"))? == 0 {
            return Err(Error::Malformed("the handshake was not answered".to_owned()));
        }
    };
    if !bytes.starts_with(b"HTTP/1.1 101") {
        return Err(Error::Malformed(String::from_utf8_lossy(&bytes).into_owned()));
    }
    bytes.drain(..head);
    let (mut reading, mut writing) = stream.into_split();
    let mut said = case.bytes.clone();
    if case.expect == Expect::Open {
        said.extend(crate::fanout::masked(9, ALIVE));
    }
    let at_once = case.at_once;
    // A server that has heard enough stops reading: that is no error of this side.
    let speaking = tokio::spawn(async move {
        let size = if at_once { said.len() } else { 1 };
        for some in said.chunks(size.max(1)) {
            if writing.write_all(some).await.is_err() {
                break;
            }
            if !at_once {
                tokio::task::yield_now().await;
            }
        }
        writing
    });
    let mut seen = Seen::default();
    loop {
        while let Some(length) = seen.take(&bytes) {
            bytes.drain(..length);
        }
        // The answer to the last question, or the end.
        if seen.pongs.last().is_some_and(|pong| pong == ALIVE) {
            break;
        }
        let read = reading.read_buf(&mut bytes).await.unwrap_or_default();
        if read == 0 {
            seen.ended = true;
            break;
        }
        if seen.close.is_some() {
            seen.after_close = true;
            break;
        }
        if seen.closes(&bytes) && case.expect != Expect::Open {
            // Said: nothing but the end may follow, and it may take its time.
            while let Some(length) = seen.take(&bytes) {
                bytes.drain(..length);
            }
            seen.after_close = !bytes.is_empty();
            break;
        }
    }
    drop(speaking.await);
    Ok(seen)
}

/// The first frame of a server: opcode, payload, length.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (first, short) = (*bytes.first()?, usize::from(*bytes.get(1)?));
    let (length, from) = match short {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => {
            let eight = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (usize::try_from(eight).ok()?, 10)
        }
        short => (short, 2),
    };
    Some((first & 0x0f, bytes.get(from..from + length)?, from + length))
}

impl Seen {
    /// Whether a close is among these bytes.
    fn closes(&self, bytes: &[u8]) -> bool {
        let mut at = 0;
        while let Some((opcode, _, length)) = frame(bytes.get(at..).unwrap_or_default()) {
            if opcode == 8 {
                return true;
            }
            at += length;
        }
        false
    }

    /// Takes the first frame; its length.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let (opcode, payload, length) = frame(bytes)?;
        if self.close.is_some() {
            self.after_close = true;
        }
        match opcode {
            1 | 2 => self.messages.push((opcode, payload.to_vec())),
            8 => {
                let code = payload.first_chunk::<2>().map_or(1005, |two| u16::from_be_bytes(*two));
                self.close = Some(code);
            }
            10 => self.pongs.push(payload.to_vec()),
            _ => {}
        }
        Some(length)
    }
}
