//! The server's address.

use crate::Error;

/// `http://host:port`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    host: String,
    address: String,
}

impl Base {
    /// Reads a base address; only plain HTTP without a path.
    ///
    /// # Errors
    /// [`Error::Usage`] for anything else.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let wrong = || Error::Usage(format!("{url}: expected http://host:port"));
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://"));
        let host = rest.ok_or_else(wrong)?.trim_end_matches('/');
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return Err(wrong());
        }
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        let address = if has_port { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { host: host.to_owned(), address })
    }

    /// As in the `Host` header.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// With a port always, to connect to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_addresses_only() {
        let read = |url| Base::parse(url).map(|b| (b.host, b.address)).ok();
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(read("http://127.0.0.1:8080/"), pair("127.0.0.1:8080", "127.0.0.1:8080"));
        assert_eq!(read("http://palio"), pair("palio", "palio:80"));
        assert_eq!(read("http://[::1]:81"), pair("[::1]:81", "[::1]:81"));
        for url in ["https://a", "a:80", "http://", "http://a/b", "http://u@h"] {
            assert_eq!(read(url), None, "{url}");
        }
    }
}
