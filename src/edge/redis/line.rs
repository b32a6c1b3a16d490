//! Connections to Redis, made when they are needed.
//!
//! A connection that gave an error is dropped, and the next call makes a new one, asking the
//! Sentinels who is master now. The client library never connects again behind our back, so
//! nothing that was lost goes unnoticed.
//!
//! Calls that fail are routine while Redis is away, and are told to the caller only. What will
//! not go away by itself (a password, a certificate, a permission) is a warning in the log, once,
//! with the key to look at. **Invariant:** no error's text has a password in it, whatever a server
//! says.

use super::super::store::StoreError;
use crate::config::Secret;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue,
    IntoConnectionInfo as _, Pipeline, RedisError, RedisFuture, RedisResult, TlsCertificates,
    TlsMode, Value,
};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a call may take. The library's own default, half a second, is short for a failover.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(2);
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// After a connection could not be made, calls fail at once for so long.
const PAUSE: Duration = Duration::from_millis(200);
/// What stands for a password in an error's text.
const HIDDEN: &str = "[redacted]";

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many there are, and who is asked for them.
    pub kind: Kind,
    /// `redis://` or `rediss://` addresses: of the server, of Sentinels, or of some of a
    /// Cluster's nodes.
    pub urls: Vec<String>,
    /// With Sentinels: what they call the master.
    pub master: String,
    /// At the servers.
    pub login: Login,
    /// At Sentinels.
    pub sentinel_login: Login,
    /// With `rediss://`.
    pub tls: Tls,
    /// What keys begin with.
    pub prefix: String,
}

/// Who we are.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// Empty: the default user.
    pub username: String,
    /// None is needed without.
    pub password: Option<Secret>,
}

impl Login {
    fn password(&self) -> Option<&str> {
        let secret = self.password.as_ref()?;
        std::str::from_utf8(secret.expose()).ok()
    }

    fn named(&self) -> Option<&str> {
        (!self.username.is_empty()).then_some(self.username.as_str())
    }
}

/// Whom we trust, and what we show.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Certificates of private authorities, PEM; `None`: the public ones.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate and its key, PEM, for servers that ask for one.
    pub own: Option<(Vec<u8>, Secret)>,
}

impl Tls {
    fn certificates(&self) -> Option<TlsCertificates> {
        let client_tls = self.own.as_ref().map(|(certificate, key)| ClientTlsConfig {
            client_cert: certificate.clone(),
            client_key: key.expose().to_vec(),
        });
        let root_cert = self.authorities.clone();
        let is_any = client_tls.is_some() || root_cert.is_some();
        is_any.then_some(TlsCertificates { client_tls, root_cert })
    }
}

/// How Redis is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One server.
    Single,
    /// One master, found and followed by asking Sentinels.
    Sentinel,
    /// A Cluster.
    Cluster,
}

#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Many(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(one) => one.req_packed_command(cmd),
            Self::Many(many) => many.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(one) => one.req_packed_commands(pipeline, offset, count),
            Self::Many(many) => many.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(one) => one.get_db(),
            Self::Many(many) => many.get_db(),
        }
    }
}

enum Way {
    Single(Box<redis::Client>),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// Who gave an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Server,
    Sentinel,
}

impl Way {
    fn new(options: &Options, answer_max: Duration) -> RedisResult<Self> {
        let infos = options.urls.iter().map(|url| info(options, url));
        let infos = infos.collect::<RedisResult<Vec<_>>>()?;
        let tls = infos.iter().any(|info| matches!(info.addr(), ConnectionAddr::TcpTls { .. }));
        let certificates = options.tls.certificates().filter(|_| tls);
        Ok(match options.kind {
            Kind::Single => {
                let first = infos.into_iter().next().ok_or_else(no_address)?;
                let client = match certificates {
                    Some(certificates) => redis::Client::build_with_tls(first, certificates)?,
                    None => redis::Client::open(first)?,
                };
                Self::Single(Box::new(client))
            }
            Kind::Sentinel => {
                let client = sentinels(options, infos, tls, certificates)?;
                Self::Sentinel(Box::new(Mutex::new(client)))
            }
            Kind::Cluster => {
                let mut builder = ClusterClient::builder(infos)
                    .connection_timeout(CONNECT_MAX)
                    .response_timeout(answer_max)
                    .retries(2);
                if tls {
                    builder = builder.tls(TlsMode::Secure);
                }
                if let Some(certificates) = certificates {
                    builder = builder.certs(certificates);
                }
                if let Some(username) = options.login.named() {
                    builder = builder.username(username);
                }
                if let Some(password) = options.login.password() {
                    builder = builder.password(password);
                }
                Self::Cluster(Box::new(builder.build()?))
            }
        })
    }

    async fn connect(&self, answer_max: Duration) -> Result<Connection, (Asked, RedisError)> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(answer_max));
        let by_server = |error| (Asked::Server, error);
        Ok(match self {
            Self::Single(client) => {
                let made = client.get_multiplexed_async_connection_with_config(&config).await;
                Connection::One(made.map_err(by_server)?)
            }
            Self::Sentinel(client) => {
                let mut client = client.lock().await;
                match client.get_async_connection_with_config(&config).await {
                    Ok(connection) => Connection::One(connection),
                    // The library does not say whose error it is; a Sentinel that answers is
                    // not the one.
                    Err(error) => match client.async_get_sentinel_client().await {
                        Ok(_) => return Err((Asked::Server, error)),
                        Err(_) => return Err((Asked::Sentinel, error)),
                    },
                }
            }
            Self::Cluster(client) => {
                Connection::Many(client.get_async_connection().await.map_err(by_server)?)
            }
        })
    }
}

fn sentinels(
    options: &Options,
    infos: Vec<ConnectionInfo>,
    tls: bool,
    certificates: Option<TlsCertificates>,
) -> RedisResult<SentinelClient> {
    let addresses = infos.into_iter().map(|info| info.addr().clone());
    let master = SentinelServerType::Master;
    let mut builder = SentinelClientBuilder::new(addresses, &options.master, master)?;
    if tls {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    if let Some(certificates) = certificates {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    if let Some(username) = options.login.named() {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = options.login.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    // What the servers ask for is not told to Sentinels.
    if let Some(username) = options.sentinel_login.named() {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = options.sentinel_login.password() {
        builder = builder.set_client_to_sentinel_password(password);
    }
    builder.build()
}

fn no_address() -> RedisError {
    (redis::ErrorKind::InvalidClientConfig, "no address").into()
}

fn info(options: &Options, url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let mut settings = info.redis_settings().clone();
    if let Some(username) = options.login.named() {
        settings = settings.set_username(username);
    }
    if let Some(password) = options.login.password() {
        settings = settings.set_password(password);
    }
    Ok(info.set_redis_settings(settings))
}

/// What somebody has to mend, with where to look; `None` for what passes by itself.
fn fault(asked: Asked, text: &str) -> Option<String> {
    let (who, login) = match asked {
        Asked::Server => ("Redis", "live.redis.username and password_file"),
        Asked::Sentinel => {
            ("a Sentinel", "live.redis.sentinel_username and sentinel_password_file")
        }
    };
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if says(&["AuthenticationFailed", "authentication failed", "NOAUTH", "WRONGPASS"]) {
        Some(format!("{who} refuses the user or the password, see {login}"))
    } else if says(&["NOPERM", "NoPerm"]) {
        Some(format!("{who} does not allow its user what is needed"))
    } else if says(&["CertificateRequired"]) {
        Some(format!("{who} asks for a certificate, see live.redis.certificate_file"))
    } else if says(&["invalid peer certificate"]) {
        Some(format!("{who} has a certificate that is not trusted, see live.redis.ca_file"))
    } else {
        None
    }
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Which connection it is, counted from 1.
    serial: u64,
    failed: Option<Instant>,
    /// What was said last that somebody has to mend.
    warned: Option<String>,
}

/// A connection that is made when it is needed.
pub(super) struct Line {
    way: Way,
    answer_max: Duration,
    /// Whether it tells the log what has to be mended.
    tells: bool,
    passwords: Vec<String>,
    state: Mutex<State>,
}

impl Line {
    pub(super) fn new(options: &Options, answer_max: Duration, tells: bool) -> RedisResult<Self> {
        let way = Way::new(options, answer_max)?;
        let passwords = [&options.login, &options.sentinel_login];
        let passwords = passwords.into_iter().filter_map(Login::password).map(str::to_owned);
        let passwords = passwords.collect();
        Ok(Self { way, answer_max, tells, passwords, state: Mutex::default() })
    }

    pub(super) async fn connection(&self) -> Result<(Connection, u64), StoreError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.serial));
        }
        if state.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            let why = state.warned.as_deref().unwrap_or("Redis could not be reached a moment ago");
            return Err(StoreError(why.to_owned()));
        }
        let made = tokio::time::timeout(CONNECT_MAX * 2, self.way.connect(self.answer_max)).await;
        match made {
            Ok(Ok(connection)) => {
                if state.failed.take().is_some() {
                    state.warned = None;
                }
                state.serial += 1;
                state.connection = Some(connection.clone());
                Ok((connection, state.serial))
            }
            Ok(Err((asked, error))) => {
                state.failed = Some(Instant::now());
                Err(self.told(&mut state, asked, &error))
            }
            Err(_) => {
                state.failed = Some(Instant::now());
                Err(StoreError("Redis could not be reached in time".into()))
            }
        }
    }

    /// Whatever the error was, the next call begins with a new connection: a master that has
    /// become a replica answers, too.
    pub(super) async fn lost(&self, serial: u64, error: &RedisError) -> StoreError {
        let mut state = self.state.lock().await;
        if state.serial == serial {
            state.connection = None;
        }
        self.told(&mut state, Asked::Server, error)
    }

    fn told(&self, state: &mut State, asked: Asked, error: &RedisError) -> StoreError {
        let mut text = error.to_string();
        // A server may repeat what it did not understand.
        for password in &self.passwords {
            text = text.replace(password, HIDDEN);
        }
        let Some(fault) = fault(asked, &text) else { return StoreError(text) };
        let text = format!("{fault}: {text}");
        if self.tells && state.warned.as_ref() != Some(&text) {
            tracing::warn!("{text}");
        }
        state.warned = Some(text.clone());
        StoreError(text)
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, StoreError> {
        let (mut connection, serial) = self.connection().await?;
        match cmd.query_async(&mut connection).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.lost(serial, &error).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn options(url: String, kind: Kind) -> Options {
        let login = |username: &str, password: &str| Login {
            username: username.to_owned(),
            password: Some(Secret::new(password.as_bytes())),
        };
        Options {
            kind,
            urls: vec![url],
            master: "palio".to_owned(),
            login: login("anna", "pw-of-server"),
            sentinel_login: login("asker", "pw-of-sentinel"),
            tls: Tls::default(),
            prefix: "palio".to_owned(),
        }
    }

    /// A server that knows no command and repeats what it was sent, as Redis does.
    async fn echo() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 4_096];
                    while let Ok(count @ 1..) = socket.read(&mut bytes).await {
                        let sent = String::from_utf8_lossy(&bytes[..count]);
                        let sent = sent.replace("\r\n", " ");
                        // One answer for each command of the pipeline.
                        for code in ["NOAUTH", "ERR", "ERR", "ERR"] {
                            let line = format!("-{code} unknown command, args: {sent}\r\n");
                            socket.write_all(line.as_bytes()).await.unwrap();
                        }
                    }
                });
            }
        });
        format!("redis://{address}")
    }

    #[tokio::test]
    async fn no_error_has_a_password_in_it() {
        for kind in [Kind::Single, Kind::Sentinel, Kind::Cluster] {
            let line = Line::new(&options(echo().await, kind), ANSWER_MAX, true).unwrap();
            let mut state = State::default();
            let sent = "-ERR unknown command 'AUTH', with args: anna, pw-of-server, pw-of-sentinel";
            let error = RedisError::from((redis::ErrorKind::Extension, "x", sent.to_owned()));
            let said = line.told(&mut state, Asked::Server, &error).0;
            assert!(said.contains("anna, [redacted], [redacted]"), "{said}");
            let error = line.ask::<String>(&redis::cmd("GET")).await.unwrap_err();
            assert!(!error.0.contains("pw-of"), "{kind:?}: {error}");
        }
        let shown = format!("{:?}", options(String::new(), Kind::Single));
        assert!(shown.contains("anna") && !shown.contains("pw-of"), "{shown}");
    }

    #[test]
    fn what_has_to_be_mended_is_told_with_its_key() {
        // (text, what a server's fault is, what a Sentinel's)
        let rows = [
            ("Password authentication failed - AuthenticationFailed", "password_file", "sentinel_"),
            ("\"NOAUTH\": Authentication required.", "password_file", "sentinel_"),
            ("WRONGPASS: invalid username-password pair", "password_file", "sentinel_"),
            ("NoPerm: User edge has no permissions", "does not allow", "does not allow"),
            ("invalid peer certificate: UnknownIssuer", "ca_file", "ca_file"),
            ("received fatal alert: CertificateRequired", "certificate_file", "certificate_file"),
        ];
        for (text, of_server, of_sentinel) in rows {
            for (asked, part) in [(Asked::Server, of_server), (Asked::Sentinel, of_sentinel)] {
                let said = fault(asked, text).unwrap();
                assert!(said.contains(part), "{said}");
                assert_eq!(said.contains("sentinel_"), part == "sentinel_", "{said}");
            }
        }
        for text in ["Connection refused (os error 111)", "timed out", "broken pipe", "LOADING"] {
            assert_eq!(fault(Asked::Server, text), None, "{text}");
        }
    }
}
