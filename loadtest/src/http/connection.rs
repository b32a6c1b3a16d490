//! One keep-alive connection.

use super::answer::{Body, Head, chunk};
use crate::Error;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const READ_CAPACITY: usize = 4 * 1024;

/// A connection and its read buffer, reused from answer to answer.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    chunks: Vec<u8>,
}

/// An answer that lives in the connection's buffers until the next request.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Status line and headers.
    pub head: &'a [u8],
    /// The body, joined if it was chunked.
    pub body: &'a [u8],
    /// The server closes the connection now.
    pub close: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn open(address: &str) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.map_err(Error::io("connect"))?;
        stream.set_nodelay(true).map_err(Error::io("connect"))?;
        Ok(Self { stream, input: Vec::with_capacity(READ_CAPACITY), chunks: Vec::new() })
    }

    /// Whether something came in between requests: the end, or bytes nobody asked for.
    pub(crate) fn is_stale(&self) -> bool {
        let quiet = self.stream.try_read(&mut [0_u8; 1]);
        !matches!(quiet, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    async fn fill(&mut self) -> Result<(), Error> {
        self.input.reserve(READ_CAPACITY / 2);
        let got = self.stream.read_buf(&mut self.input).await.map_err(Error::io("read"))?;
        if got == 0 {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(Error::Io { what: "read", source });
        }
        Ok(())
    }

    /// Sends one whole request and reads the whole answer. After an error or a dropped call the
    /// connection is out of step and has to be opened again.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Malformed`].
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Error> {
        self.input.clear();
        self.chunks.clear();
        self.stream.write_all(request).await.map_err(Error::io("write"))?;
        let head = loop {
            self.fill().await?;
            if let Some(head) = Head::parse(&self.input)? {
                break head;
            }
        };
        let end = match head.body {
            Body::Length(length) => {
                let end = head.length.saturating_add(length);
                while self.input.len() < end {
                    self.fill().await?;
                }
                end
            }
            Body::Chunked => self.join_chunks(head.length).await?,
        };
        if self.input.len() > end {
            return Err(Error::Malformed("bytes after the answer".to_owned()));
        }
        let (front, rest) = self.input.split_at(head.length.min(self.input.len()));
        let body = if head.body == Body::Chunked { &self.chunks } else { rest };
        Ok(Answer { status: head.status, head: front, body, close: head.close })
    }

    async fn join_chunks(&mut self, mut at: usize) -> Result<usize, Error> {
        loop {
            let input = self.input.get(at..).unwrap_or_default();
            let Some((used, last)) = chunk(input, &mut self.chunks)? else {
                self.fill().await?;
                continue;
            };
            at = at.saturating_add(used);
            if last {
                return Ok(at);
            }
        }
    }
}
