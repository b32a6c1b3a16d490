//! The bytes around messages to a client, and the texts that only sockets need.
//!
//! What is said about boards is written by `palio_protocol::live`; here it becomes frames of
//! RFC 6455, whole and unmasked, which every socket shares.

use bytes::{BufMut, Bytes, BytesMut};
use palio_domain::UnixMs;
use palio_protocol::live::close;
use palio_protocol::live::json::Frame;
use palio_protocol::time;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

fn framed(opcode: u8, message: &[u8]) -> Bytes {
    let len = message.len();
    let mut frame = BytesMut::with_capacity(len + 10);
    frame.put_u8(opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short < 126 => frame.put_u8(short),
        (_, Ok(middle)) => {
            frame.put_u8(126);
            frame.put_u16(middle);
        }
        (_, Err(_)) => {
            frame.put_u8(127);
            frame.put_u64(u64::try_from(len).unwrap_or(u64::MAX));
        }
    }
    frame.put_slice(message);
    frame.freeze()
}

/// A text message in one frame.
#[must_use]
pub fn text(message: &str) -> Bytes {
    framed(TEXT, message.as_bytes())
}

/// A binary message in one frame.
#[must_use]
pub fn binary(message: &[u8]) -> Bytes {
    framed(BINARY, message)
}

/// A ping without payload.
#[must_use]
pub const fn ping() -> Bytes {
    Bytes::from_static(&[PING, 0])
}

/// The answer to a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    framed(PONG, payload)
}

/// A close frame; without a code when `code` is one that is never sent.
#[must_use]
pub fn closing(code: u16) -> Bytes {
    if matches!(code, close::NO_CODE | close::BROKEN) {
        return Bytes::from_static(&[CLOSE, 0]);
    }
    framed(CLOSE, &code.to_be_bytes())
}

/// A request that failed.
#[must_use]
pub fn error(code: &str, detail: &str) -> Bytes {
    text(&Frame::Error { code, detail }.to_text())
}

/// Whether boards are what a core shows now.
#[must_use]
pub fn freshness(stale: Option<UnixMs>) -> Bytes {
    match stale {
        Some(since) => text(&Frame::Stale { since: time::format(since) }.to_text()),
        None => text(&Frame::Fresh.to_text()),
    }
}

/// What goes before a close.
#[must_use]
pub fn bye(code: u16, reconnect_ms: Option<u64>) -> Bytes {
    text(&Frame::Bye { code, reconnect_ms }.to_text())
}

/// The answer to `{"t":"ping"}`.
#[must_use]
pub fn pong_text(now: UnixMs) -> Bytes {
    text(&Frame::Pong { server_time: time::format(now) }.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_framed() {
        for (len, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&"x".repeat(len));
            assert_eq!(frame[..header.len()], header, "{len}");
            assert_eq!(frame.len(), header.len() + len);
        }
    }

    #[test]
    fn small_frames_are_exact() {
        assert_eq!(binary(b"hi")[..], [0x82, 2, b'h', b'i']);
        assert_eq!(closing(4108)[..], [0x88, 2, 0x10, 0x0c]);
        assert_eq!(closing(close::NO_CODE)[..], [0x88, 0]);
        assert_eq!(pong(b"hi")[..], [0x8a, 2, b'h', b'i']);
        let pong = br#"{"t":"pong","serverTime":"2023-11-14T22:13:20.005Z"}"#;
        assert_eq!(pong_text(UnixMs(1_700_000_000_005))[2..], pong[..]);
    }
}
