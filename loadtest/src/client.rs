//! A small reusable HTTP client for tests and for the parts of this tool that are not measured.

use crate::Error;
use crate::http::{Base, Link, header_pairs};
use crate::report::code_of;
use crate::sign::{Forgery, Proof, Request, Signer};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const IDLE_MAX: usize = 64;

/// A caller of the server: signed with a provider's key, with a token, or anonymous.
///
/// Cheap to clone; clones share their idle connections. Every call may run concurrently.
/// Never sends anything twice: after an error the caller decides.
#[derive(Debug, Clone)]
pub struct Client {
    base: Arc<Base>,
    proof: Proof,
    timeout: Duration,
    headers: String,
    idle: Arc<Mutex<Vec<Link>>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as received.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of that name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, with anything that is not UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|e| Error::Malformed(format!("{e} in {}", self.text())))
    }

    /// The error code of the body, or `-`.
    #[must_use]
    pub fn code(&self) -> &str {
        code_of(&self.body)
    }

    /// The body as JSON if the request went through.
    ///
    /// # Errors
    /// [`Error::Refused`] for any status but 2xx, [`Error::Malformed`].
    pub fn success<T: DeserializeOwned>(&self, what: &str) -> Result<T, Error> {
        if !(200..300).contains(&self.status) {
            let (what, code) = (what.to_owned(), self.code().to_owned());
            return Err(Error::Refused { what, status: self.status, code });
        }
        self.json()
    }
}

impl Client {
    /// A client that signs with a provider's key.
    ///
    /// # Errors
    /// [`Error::Usage`] if `url` is not `http://host:port`.
    pub fn new(url: &str, key: &str, secret: &[u8]) -> Result<Self, Error> {
        Self::with(url, Proof::Signature(Signer::new(key, secret)))
    }

    /// The same provider, signing something else than it sends.
    #[must_use]
    pub fn forging(&self, forgery: Forgery) -> Self {
        let proof = match &self.proof {
            Proof::Signature(signer) => Proof::Signature(signer.clone().forging(forgery)),
            other => other.clone(),
        };
        Self { proof, idle: Arc::default(), ..self.clone() }
    }

    /// A client with a token, of an operator or a player.
    ///
    /// # Errors
    /// [`Error::Usage`] if `url` is not `http://host:port`.
    pub fn bearer(url: &str, token: &str) -> Result<Self, Error> {
        Self::with(url, Proof::Bearer(token.to_owned()))
    }

    /// A client that proves nothing.
    ///
    /// # Errors
    /// [`Error::Usage`] if `url` is not `http://host:port`.
    pub fn anonymous(url: &str) -> Result<Self, Error> {
        Self::with(url, Proof::None)
    }

    fn with(url: &str, proof: Proof) -> Result<Self, Error> {
        let base = Arc::new(Base::parse(url)?);
        let timeout = Duration::from_secs(10);
        Ok(Self { base, proof, timeout, headers: String::new(), idle: Arc::default() })
    }

    /// Waits at most this long for an answer; 10 s unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self.idle = Arc::default();
        self
    }

    /// Sends this header too, with every request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// `POST` of a JSON body; an empty idempotency key sends none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Timeout`], [`Error::Malformed`]; any status is an answer.
    pub async fn post(
        &self,
        path: &str,
        idempotency_key: &str,
        body: impl AsRef<[u8]>,
    ) -> Result<Reply, Error> {
        self.send(Request::post(path, idempotency_key, body.as_ref())).await
    }

    /// `GET`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Timeout`], [`Error::Malformed`]; any status is an answer.
    pub async fn get(&self, path: &str) -> Result<Reply, Error> {
        self.send(Request::get(path)).await
    }

    /// `GET` of JSON that has to be there.
    ///
    /// # Errors
    /// As [`get`](Self::get), and [`Error::Refused`] for any status but 2xx.
    pub async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.get(path).await?.success(path)
    }

    async fn send(&self, request: Request<'_>) -> Result<Reply, Error> {
        let request = Request { headers: &self.headers, ..request };
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut link = idle.unwrap_or_else(|| self.link());
        link.drop_if_stale();
        let status = link.ask(request).await?;
        let headers = header_pairs(link.head());
        let reply = Reply { status, headers, body: link.body().to_vec() };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(link);
        }
        Ok(reply)
    }

    fn link(&self) -> Link {
        Link::new(Arc::clone(&self.base), self.proof.clone(), self.timeout).keeping_head()
    }
}
