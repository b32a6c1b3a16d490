//! A connection that opens itself again, with the buffers and the proof of its caller.

use super::{Base, Connection};
use crate::Error;
use crate::sign::{Proof, Request};
use std::sync::Arc;
use std::time::Duration;

/// One caller's line to the server. Dropping an [`ask`](Link::ask) half-way is safe: the
/// connection is then not used again.
#[derive(Debug)]
pub(crate) struct Link {
    base: Arc<Base>,
    proof: Proof,
    timeout: Duration,
    connection: Option<Connection>,
    request: Vec<u8>,
    head: Vec<u8>,
    body: Vec<u8>,
    keep_head: bool,
}

impl Link {
    pub(crate) fn new(base: Arc<Base>, proof: Proof, timeout: Duration) -> Self {
        Self {
            base,
            proof,
            timeout,
            connection: None,
            request: Vec::with_capacity(1024),
            head: Vec::new(),
            body: Vec::with_capacity(1024),
            keep_head: false,
        }
    }

    /// Keeps the headers of answers too.
    pub(crate) fn keeping_head(mut self) -> Self {
        self.keep_head = true;
        self
    }

    /// Sends a request and returns the status; the body is then in [`body`](Link::body).
    pub(crate) async fn ask(&mut self, request: Request<'_>) -> Result<u16, Error> {
        self.proof.write(self.base.host(), request, &mut self.request);
        let timeout = self.timeout;
        tokio::time::timeout(timeout, self.exchange())
            .await
            .unwrap_or(Err(Error::Timeout(timeout.as_millis())))
    }

    async fn exchange(&mut self) -> Result<u16, Error> {
        // Taken out, so that an error or a dropped future leaves no connection out of step.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.base.address()).await?,
        };
        let answer = connection.exchange(&self.request).await?;
        let (status, close) = (answer.status, answer.close);
        self.body.clear();
        self.body.extend_from_slice(answer.body);
        self.head.clear();
        if self.keep_head {
            self.head.extend_from_slice(answer.head);
        }
        if !close {
            self.connection = Some(connection);
        }
        Ok(status)
    }

    /// Forgets a connection that the server has closed meanwhile.
    pub(crate) fn drop_if_stale(&mut self) {
        self.connection.take_if(|connection| connection.is_stale());
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The head of the last answer, if kept.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }
}
