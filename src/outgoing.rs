//! HTTP to other services: payment services, receivers of notices, providers' health, the core of
//! an edge.
//!
//! `https://` trusts the public authorities, and those in `outgoing.ca_file`. Redirects are not
//! followed: what is sent is meant for one address.

use crate::config::{Config, ConfigError};
use crate::tls;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Makes HTTP clients that know whom to trust.
#[derive(Debug, Clone)]
pub struct Outgoing(ClientConfig);

impl Outgoing {
    /// One that trusts these authorities besides the public ones.
    ///
    /// # Errors
    /// One of them is not good.
    pub fn trusting(authorities: &[CertificateDer<'_>]) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for authority in authorities {
            roots.add(authority.clone().into_owned())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(tls))
    }

    /// As configured.
    ///
    /// # Errors
    /// [`ConfigError::Secrets`]: what is wrong with `outgoing.ca_file`.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let path = &config.outgoing.ca_file;
        let wrong = |why: String| {
            let why = format!("outgoing.ca_file: {}: {why}", path.display());
            ConfigError::Secrets(vec![why])
        };
        let authorities = match path.as_os_str().is_empty() {
            true => Vec::new(),
            false => certificates(path).map_err(wrong)?,
        };
        Self::trusting(&authorities).map_err(|error| wrong(error.to_string()))
    }

    /// A client that still has to be given its patience.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes them")]
    pub fn client(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.0.clone())
            .redirect(reqwest::redirect::Policy::none())
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    Ok(tls::certificates(&pem)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tls;
    use crate::peers::Peers;
    use std::error::Error as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const OURS: &str = "tests/it/tls/localhost.crt";
    const OTHER: &str = "tests/it/tls/other-ca.crt";

    /// Sends everybody elsewhere, over TLS.
    async fn elsewhere() -> (tls::Front, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inner = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut asked = [0; 1024];
                assert!(socket.read(&mut asked).await.unwrap() > 0);
                let answer = b"HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
                socket.write_all(answer).await.unwrap();
            }
        });
        let (certificate_file, key_file) = (OURS.into(), "tests/it/tls/localhost.key".into());
        let of = Tls { bind: String::new(), certificate_file, key_file };
        let front = tls::start(&of, ([127, 0, 0, 1], 0).into(), inner, Peers::default()).unwrap();
        let url = format!("https://localhost:{}/", front.address.port());
        (front, url)
    }

    #[tokio::test]
    async fn private_authorities_are_trusted_where_they_are_named() {
        let (_front, url) = elsewhere().await;
        // (authorities, what comes of it)
        for (authorities, expected) in [
            (&[][..], Err("UnknownIssuer")),
            (&[OTHER], Err("UnknownIssuer")),
            (&[OTHER, OURS], Ok(307)),
        ] {
            let read = |path: &&str| certificates(Path::new(path)).unwrap();
            let authorities: Vec<_> = authorities.iter().flat_map(read).collect();
            let client = Outgoing::trusting(&authorities).unwrap().client().build().unwrap();
            match (client.get(&url).send().await, expected) {
                // A redirect is not followed: what was sent is not for whoever is there.
                (Ok(answer), Ok(status)) => assert_eq!(answer.status(), status),
                (Err(error), Err(why)) => {
                    let mut causes = vec![error.to_string()];
                    let mut cause = error.source();
                    while let Some(error) = cause {
                        causes.push(error.to_string());
                        cause = error.source();
                    }
                    assert!(causes.concat().contains(why), "{causes:?}");
                }
                (found, expected) => panic!("{found:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        for (path, why) in [
            ("tests/it/tls/localhost.key", "must have certificates in PEM"),
            ("tests/it/tls/none.crt", "No such file"),
        ] {
            let found = certificates(Path::new(path)).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
        assert_eq!(certificates(Path::new("tests/it/tls/localhost.crt")).unwrap().len(), 1);
    }
}
