//! The head of an answer, and where its body ends.

use crate::Error;

const HEADERS_MAX: usize = 48;

/// What the head says about the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head itself.
    pub(crate) length: usize,
    pub(crate) body: Body,
    /// The server closes the connection after this answer.
    pub(crate) close: bool,
}

/// How the body's end is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Length(usize),
    Chunked,
}

impl Head {
    /// The head at the start of `input`, or `None` while it is incomplete.
    pub(crate) fn parse(input: &[u8]) -> Result<Option<Self>, Error> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        let parsed = answer.parse(input).map_err(|e| Error::Malformed(e.to_string()))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        let status = answer.code.unwrap_or_default();
        let (mut body, mut close) = (None, false);
        for header in answer.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                body = Some(Body::Length(number(header.value)?));
            } else if is("transfer-encoding") {
                body = Some(Body::Chunked);
            } else if is("connection") {
                close = header.value.eq_ignore_ascii_case(b"close");
            }
        }
        if status == 204 || status == 304 {
            body = Some(Body::Length(0));
        }
        let body = body.ok_or_else(|| Error::Malformed("a body without a length".to_owned()))?;
        Ok(Some(Self { status, length, body, close }))
    }
}

fn number(value: &[u8]) -> Result<usize, Error> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| Error::Malformed("content-length is not a number".to_owned()))
}

/// The headers of a complete head; names in lower case.
pub(crate) fn header_pairs(head: &[u8]) -> Vec<(String, String)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    if answer.parse(head).is_err() {
        return Vec::new();
    }
    let pair = |h: &httparse::Header<'_>| {
        (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned())
    };
    answer.headers.iter().map(pair).collect()
}

/// Appends one chunk at the start of `input` to `body`; returns the bytes used and whether it was
/// the last, or `None` while it is incomplete. Trailers are not expected.
pub(crate) fn chunk(input: &[u8], body: &mut Vec<u8>) -> Result<Option<(usize, bool)>, Error> {
    let wrong = || Error::Malformed("chunked body".to_owned());
    let parsed = httparse::parse_chunk_size(input).map_err(|_| wrong())?;
    let httparse::Status::Complete((start, size)) = parsed else { return Ok(None) };
    let end = usize::try_from(size).ok().and_then(|n| n.checked_add(start)).ok_or_else(wrong)?;
    let (Some(data), Some(tail)) = (input.get(start..end), input.get(end..end.saturating_add(2)))
    else {
        return Ok(None);
    };
    if tail != b"\r\n" {
        return Err(wrong());
    }
    body.extend_from_slice(data);
    Ok(Some((end.saturating_add(2), size == 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_the_body_ends() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello";
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.body, head.close), (200, Body::Length(5), true));
        assert_eq!(&text[head.length..], b"hello");
        assert_eq!(Head::parse(&text[..30]).unwrap(), None);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap().is_some());
        assert!(Head::parse(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn joins_chunks() {
        let mut body = Vec::new();
        assert_eq!(chunk(b"5\r\nhel", &mut body).unwrap(), None);
        assert_eq!(chunk(b"5\r\nhello\r\n0\r\n\r\n", &mut body).unwrap(), Some((10, false)));
        assert_eq!(chunk(b"0\r\n\r\n", &mut body).unwrap(), Some((5, true)));
        assert_eq!(body, b"hello");
        assert!(chunk(b"1\r\nabc", &mut body).is_err());
    }
}
