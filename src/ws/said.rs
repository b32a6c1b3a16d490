//! What a client says: bytes to frames, frames to messages, messages to requests. Pure.
//!
//! **Invariants:** a message has at most [`CLIENT_MESSAGE_LEN_MAX`] bytes, in one frame or several; no more
//! than one frame is kept of bytes that have not been understood yet.

use actix_codec::Decoder as _;
use actix_http::ws::{Codec, Frame, Item, ProtocolError};
use bytes::{Bytes, BytesMut};
use palio_protocol::live::{CLIENT_MESSAGE_LEN_MAX, Request, close};

/// The largest message, in one frame or several.
const MESSAGE_MAX: usize = CLIENT_MESSAGE_LEN_MAX;

/// The head of the largest frame: two bytes, a long length, the mask.
const HEAD_MAX: usize = 14;

/// Why a client is closed: with which code, and words for the log.
pub type Wrong = (u16, &'static str);

const fn wrong(why: &'static str) -> Wrong {
    (close::PROTOCOL, why)
}

const TOO_LONG: Wrong = (close::TOO_LONG, "a message that is too long");
const NO_FRAME: Wrong = wrong("not a frame");

/// What a frame was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A whole message: a request, or nothing that is known.
    Message(Option<Request>),
    /// A part of a message.
    Part,
    /// A ping of the protocol, with what its answer must carry.
    Ping(Bytes),
    /// The answer to a ping.
    Pong,
    /// A goodbye with its code.
    Close(u16),
}

/// A message that comes in several frames.
struct Parts {
    is_text: bool,
    bytes: BytesMut,
}

/// Understands one client; holds no buffer while nothing comes.
pub struct Listener {
    codec: Codec,
    /// The beginning of a frame.
    pending: BytesMut,
    parts: Option<Box<Parts>>,
}

impl Listener {
    /// One that has heard these bytes.
    #[must_use]
    pub fn new(first: &[u8]) -> Self {
        let codec = Codec::new().max_size(MESSAGE_MAX);
        Self { codec, pending: BytesMut::from(first), parts: None }
    }

    /// Where bytes are put that have come.
    pub const fn pending(&mut self) -> &mut BytesMut {
        &mut self.pending
    }

    /// Gives the buffer back if nothing is in it.
    pub fn rest(&mut self) {
        if self.pending.is_empty() {
            self.pending = BytesMut::new();
        }
    }

    /// Forgets everything that has come.
    pub fn forget(&mut self) {
        (self.pending, self.parts) = (BytesMut::new(), None);
    }

    /// The next frame; `None` when it has not come whole.
    ///
    /// # Errors
    /// [`Wrong`]: nothing that follows can be understood.
    pub fn frame(&mut self) -> Result<Option<Said>, Wrong> {
        let frame = self.codec.decode(&mut self.pending);
        let frame = frame.map_err(|error| match error {
            ProtocolError::Overflow => TOO_LONG,
            _ => NO_FRAME,
        });
        match frame? {
            // The codec waits for a whole frame before it looks at its size.
            None if self.pending.len() > MESSAGE_MAX + HEAD_MAX => Err(TOO_LONG),
            None => Ok(None),
            Some(frame) => self.said(frame).map(Some),
        }
    }

    fn said(&mut self, frame: Frame) -> Result<Said, Wrong> {
        match frame {
            Frame::Text(text) => message(true, &text),
            Frame::Binary(bytes) => message(false, &bytes),
            Frame::Continuation(Item::FirstText(part)) => Ok(self.first_part(true, &part)),
            Frame::Continuation(Item::FirstBinary(part)) => Ok(self.first_part(false, &part)),
            Frame::Continuation(Item::Continue(part)) => self.part(&part),
            Frame::Continuation(Item::Last(part)) => {
                self.part(&part)?;
                let parts = self.parts.take().ok_or(wrong("continues nothing"))?;
                message(parts.is_text, &parts.bytes)
            }
            Frame::Ping(payload) => Ok(Said::Ping(payload)),
            Frame::Pong(_) => Ok(Said::Pong),
            Frame::Close(reason) => {
                Ok(Said::Close(reason.map_or(close::NO_CODE, |reason| reason.code.into())))
            }
        }
    }

    fn first_part(&mut self, is_text: bool, part: &[u8]) -> Said {
        self.parts = Some(Box::new(Parts { is_text, bytes: BytesMut::from(part) }));
        Said::Part
    }

    fn part(&mut self, part: &[u8]) -> Result<Said, Wrong> {
        let parts = self.parts.as_mut().ok_or(wrong("continues nothing"))?;
        if parts.bytes.len() + part.len() > MESSAGE_MAX {
            return Err(TOO_LONG);
        }
        parts.bytes.extend_from_slice(part);
        Ok(Said::Part)
    }
}

fn message(is_text: bool, bytes: &[u8]) -> Result<Said, Wrong> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_text => Ok(Said::Message(Request::parse(text))),
        Err(_) if is_text => Err(wrong("a text that is not UTF-8")),
        Ok(_) | Err(_) => Ok(Said::Message(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_is_not_waited_for() {
        for length in [MESSAGE_MAX + 1, 1 << 20, 1 << 62] {
            let length = u64::try_from(length).unwrap().to_be_bytes();
            let mut listener = Listener::new(&[&[0x82, 0xff][..], &length, &[0; 4]].concat());
            let wrong = (0..=MESSAGE_MAX).any(|_| {
                listener.pending().extend_from_slice(b"x");
                listener.frame().is_err()
            });
            assert!(wrong, "{length:?}");
        }
        let length = u16::try_from(MESSAGE_MAX).unwrap().to_be_bytes();
        let largest = [&[0x82, 0xfe][..], &length, &[0; 4], &vec![b'x'; MESSAGE_MAX]].concat();
        assert_eq!(Listener::new(&largest).frame(), Ok(Some(Said::Message(None))));
    }

    #[test]
    fn frames_become_messages() {
        let frame = |head: u8, payload: &[u8]| {
            let len = u8::try_from(payload.len()).unwrap();
            [&[head, 0x80 | len, 0, 0, 0, 0], payload].concat()
        };
        let parts = [frame(0x01, br#"{"t":"#), frame(0x89, b"x"), frame(0x80, br#""ping"}"#)];
        let mut listener = Listener::new(&parts.concat());
        let expected =
            [Said::Part, Said::Ping(Bytes::from_static(b"x")), Said::Message(Some(Request::Ping))];
        for said in expected {
            assert_eq!(listener.frame(), Ok(Some(said)));
        }
        assert_eq!(listener.frame(), Ok(None));
        for bytes in [frame(0x80, b"x"), frame(0x81, b"\xff"), frame(0x83, b"")] {
            assert!(Listener::new(&bytes).frame().is_err(), "{bytes:?}");
        }
    }
}
