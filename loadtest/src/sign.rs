//! Who a request comes from, and the proof of it in its head.

use crate::clock;
use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER,
};

/// The caller's proof.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    /// Nobody in particular.
    None,
    /// A token: operator or player.
    Bearer(String),
    /// A provider's key.
    Signature(Signer),
}

/// A provider's key and secret, and the last timestamp as text.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    key: String,
    secret: Vec<u8>,
    second: u64,
    timestamp: String,
    forgery: Option<Forgery>,
}

/// What is wrong with a request on purpose: it is signed as something else than it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// An hour ago.
    Stale,
    /// Under another idempotency key.
    OtherKey,
    /// For another path.
    OtherPath,
}

impl Signer {
    pub(crate) fn new(key: &str, secret: &[u8]) -> Self {
        Self {
            key: key.to_owned(),
            secret: secret.to_vec(),
            second: 0,
            timestamp: "0".to_owned(),
            forgery: None,
        }
    }

    pub(crate) fn forging(mut self, forgery: Forgery) -> Self {
        self.forgery = Some(forgery);
        self
    }

    /// Text is made once a second, not once a request.
    fn tick(&mut self) {
        let back = if self.forgery == Some(Forgery::Stale) { 3600 } else { 0 };
        let now = clock::unix_seconds().saturating_sub(back);
        if now != self.second {
            self.second = now;
            self.timestamp = now.to_string();
        }
    }
}

/// What to ask for; an empty key or body is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) idempotency_key: &'a str,
    pub(crate) body: &'a [u8],
    /// Further header lines, each ending with `\r\n`.
    pub(crate) headers: &'a str,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, idempotency_key: "", body: b"", headers: "" }
    }

    pub(crate) fn post(path: &'a str, idempotency_key: &'a str, body: &'a [u8]) -> Self {
        Self { method: "POST", path, idempotency_key, body, headers: "" }
    }
}

impl Proof {
    /// Writes the whole request, ready to send, over whatever is in `out`.
    pub(crate) fn write(&mut self, host: &str, request: Request<'_>, out: &mut Vec<u8>) {
        let Request { method, path, idempotency_key, body, headers } = request;
        out.clear();
        let mut put =
            |parts: &[&str]| parts.iter().for_each(|p| out.extend_from_slice(p.as_bytes()));
        put(&[method, " ", path, " HTTP/1.1\r\nHost: ", host]);
        match self {
            Self::None => {}
            Self::Bearer(token) => put(&["\r\nAuthorization: Bearer ", token]),
            Self::Signature(signer) => {
                signer.tick();
                let timestamp = signer.timestamp.as_str();
                let (path_and_query, idempotency_key) = match signer.forgery {
                    Some(Forgery::OtherPath) => ("/wallet/elsewhere", idempotency_key),
                    Some(Forgery::OtherKey) => (path, "another-key"),
                    Some(Forgery::Stale) | None => (path, idempotency_key),
                };
                let signed = Signed { timestamp, method, path_and_query, idempotency_key, body };
                put(&["\r\n", KEY_HEADER, ": ", &signer.key]);
                put(&["\r\n", TIMESTAMP_HEADER, ": ", timestamp]);
                put(&["\r\n", SIGNATURE_HEADER, ": ", &signed.sign(&signer.secret)]);
            }
        }
        if !idempotency_key.is_empty() {
            put(&["\r\n", IDEMPOTENCY_HEADER, ": ", idempotency_key]);
        }
        if method != "GET" {
            let length = body.len().to_string();
            put(&["\r\nContent-Type: application/json\r\nContent-Length: ", &length]);
        }
        put(&["\r\n", headers, "\r\n"]);
        out.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_its_own_proof() {
        let mut out = Vec::new();
        let request = Request::post("/wallet/debit?x=1", "k-1", b"{\"a\":1}");
        Proof::Signature(Signer::new("id", b"secret")).write("host:1", request, &mut out);
        let text = String::from_utf8(out).unwrap();
        let header = |name: &str| {
            text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).unwrap()
        };
        assert!(text.starts_with("POST /wallet/debit?x=1 HTTP/1.1\r\nHost: host:1\r\n"));
        assert!(text.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"));
        let signed = Signed {
            timestamp: header(TIMESTAMP_HEADER),
            method: "POST",
            path_and_query: "/wallet/debit?x=1",
            idempotency_key: header(IDEMPOTENCY_HEADER),
            body: b"{\"a\":1}",
        };
        assert!(signed.verify(b"secret", header(SIGNATURE_HEADER)));
    }

    #[test]
    fn a_plain_get_has_nothing_to_prove() {
        let mut out = Vec::new();
        Proof::None.write("h", Request::get("/x"), &mut out);
        assert_eq!(out, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        let more = Request { headers: "A: 1\r\nB: 2\r\n", ..Request::get("/x") };
        Proof::None.write("h", more, &mut out);
        assert_eq!(out, b"GET /x HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n\r\n");
    }
}
