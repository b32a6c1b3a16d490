//! What a client sends after the upgrade, as the bytes on the wire.
//!
//! **Property:** the bytes mean the same in one piece and in pieces of any size; no more is kept
//! than one frame of the largest message; a request is an object with a known `t`, and a token is
//! the text that was sent.

use palio::ws::said::{Listener, Said, Wrong};
use palio_protocol::live::{CLIENT_MESSAGE_LEN_MAX as MESSAGE_MAX, Request};
use serde_json::Value;

pub(super) const WORDS: &[&str] = &[
    "t",
    "auth",
    "ping",
    "token",
    "\u{1}",
    "\u{2}",
    "~",
    "\u{7f}",
    "{\"t\":\"ping\"}",
    "{\"t\":\"auth\",\"token\":\"a.b.c\"}",
    "[\"auth\",\"a.b.c\"]",
];

/// The head of the largest frame, and its mask.
const HEAD_MAX: usize = 14;

pub(super) fn target(bytes: &[u8]) {
    // The first byte says how large the pieces are.
    let Some((size, bytes)) = bytes.split_first() else { return };
    let whole = hear(bytes, bytes.len().max(1));
    assert_eq!(whole, hear(bytes, usize::from(*size).max(1)), "in pieces of {size}");
    assert_eq!(whole, hear(bytes, 1), "byte by byte");
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
}

/// Everything that is understood, and why nothing more is.
fn hear(bytes: &[u8], size: usize) -> (Vec<Said>, Option<Wrong>) {
    let mut listener = Listener::new(&[]);
    let mut heard = Vec::new();
    for piece in bytes.chunks(size) {
        listener.pending().extend_from_slice(piece);
        loop {
            match listener.frame() {
                Ok(Some(said)) => {
                    if let Said::Ping(payload) = &said {
                        assert!(payload.len() <= 125, "a ping of {} bytes", payload.len());
                    }
                    heard.push(said);
                }
                Ok(None) => break,
                Err(wrong) => return (heard, Some(wrong)),
            }
        }
        let kept = listener.pending().len();
        assert!(kept <= MESSAGE_MAX + HEAD_MAX, "{kept} bytes are kept");
        listener.rest();
    }
    (heard, None)
}

fn read(text: &str) {
    let Some(request) = Request::parse(text) else { return };
    // A lone surrogate in a field that is passed over stops this reader only.
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    assert!(value.is_object(), "{text}");
    let field = |name: &str| value.pointer(name).and_then(Value::as_str);
    match request {
        Request::Ping => assert_eq!(field("/t"), Some("ping")),
        Request::Auth { token } => {
            assert_eq!((field("/t"), field("/token")), (Some("auth"), Some(token.as_str())));
        }
    }
}
