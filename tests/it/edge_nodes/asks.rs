//! What Redis asks of those who connect, and what a node is given to answer it.

use super::servers::Dir;
use std::path::Path;

const CA: &str = include_str!("../tls/redis-ca.crt");
/// Of an authority that signed nothing.
const OTHER_CA: &str = include_str!("../tls/other-ca.crt");
/// The servers', for localhost; it is good for those who connect as well.
const CERTIFICATE: &str = include_str!("../tls/redis.crt");
const KEY: &str = include_str!("../tls/redis.key");

/// A user and a password.
pub(super) type Login = (&'static str, &'static str);

const ADMIN: Login = ("admin", "pw-of-admin-1f0c");
pub(super) const CORE: Login = ("core", "pw-of-core-2a9d");
pub(super) const EDGE: Login = ("edge", "pw-of-edge-3b8e");
pub(super) const ASKER: Login = ("asker", "pw-at-sentinel-4c7f");
/// Without users, as `requirepass` has it.
pub(super) const DEFAULT: Login = ("", "pw-of-default-6e5b");
/// A user who is there, and not his password.
pub(super) const WRONG: Login = ("edge", "pw-of-nobody-5d6a");

/// Whatever must not be in a log.
pub(super) const PASSWORDS: [&str; 6] = [ADMIN.1, CORE.1, EDGE.1, ASKER.1, DEFAULT.1, WRONG.1];

/// What servers, and Sentinels, ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asks {
    /// TLS, with a certificate from either side.
    pub(super) tls: bool,
    /// A user and his password.
    pub(super) login: bool,
}

impl Asks {
    pub(super) const NOTHING: Self = Self { tls: false, login: false };
    pub(super) const LOGINS: Self = Self { tls: false, login: true };
    pub(super) const TLS: Self = Self { tls: true, login: false };
    pub(super) const BOTH: Self = Self { tls: true, login: true };

    /// What a server is started with.
    pub(super) fn arguments(self, dir: &Dir) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: &str| {
            arguments.extend([format!("--{name}"), value.to_owned()]);
        };
        if self.tls {
            for (name, file) in tls_files(dir) {
                add(name, &file);
            }
            add("tls-replication", "yes");
            add("tls-cluster", "yes");
        }
        if self.login {
            let users = [CORE, EDGE].map(documented).concat();
            let admin = format!("user {} on >{} ~* &* +@all\n", ADMIN.0, ADMIN.1);
            let file = dir.file("users.acl", &format!("user default off\n{users}{admin}"));
            add("aclfile", &file.display().to_string());
            add("masteruser", ADMIN.0);
            add("masterauth", ADMIN.1);
        }
        arguments
    }

    /// How `redis-cli` reaches them; certificates are beside the server's directory.
    pub(super) fn cli(self, server: &Path) -> Vec<String> {
        let mut arguments = Vec::new();
        if self.tls {
            let file = |name: &str| server.with_file_name(name).display().to_string();
            let (ca, certificate, key) = (file("ca.crt"), file("redis.crt"), file("redis.key"));
            arguments.extend(["--tls", "--cacert", &ca, "--cert", &certificate].map(str::to_owned));
            arguments.extend(["--key".to_owned(), key]);
        }
        if self.login {
            let login = ["--user", ADMIN.0, "--pass", ADMIN.1, "--no-auth-warning"];
            arguments.extend(login.map(str::to_owned));
        }
        arguments
    }

    /// Where a Sentinel listens, and for whom.
    pub(super) fn sentinel_port(self, dir: &Dir, port: u16) -> String {
        let mut text = match self.tls {
            true => {
                let files = tls_files(dir).map(|(name, file)| format!("{name} {file}\n"));
                format!("port 0\ntls-port {port}\ntls-replication yes\n{}", files.concat())
            }
            false => format!("port {port}\n"),
        };
        if self.login {
            let admin = format!("user {} on >{} allchannels +@all\n", ADMIN.0, ADMIN.1);
            text.push_str(&format!("user default off\n{admin}{}", documented(ASKER)));
        }
        text
    }

    /// How a Sentinel reaches the servers.
    pub(super) fn sentinel_login(self) -> String {
        let (user, password) = ADMIN;
        match self.login {
            true => {
                format!("sentinel auth-user palio {user}\nsentinel auth-pass palio {password}\n")
            }
            false => String::new(),
        }
    }
}

/// The line of a user as docs/ops/edges.md has it, so that what is written there is tried; those
/// of servers are deploy/redis.acl's too.
fn documented((user, password): Login) -> String {
    let docs = include_str!("../../../docs/ops/edges.md");
    let start = format!("user {user} on >");
    let line = docs.lines().find_map(|line| line.strip_prefix(&start)).expect("the user's line");
    let (_, rules) = line.split_once(' ').expect("a placeholder and rules");
    format!("{start}{password} {rules}\n")
}

fn tls_files(dir: &Dir) -> [(&'static str, String); 3] {
    [
        ("tls-ca-cert-file", "ca.crt", CA),
        ("tls-cert-file", "redis.crt", CERTIFICATE),
        ("tls-key-file", "redis.key", KEY),
    ]
    .map(|(option, name, content)| (option, dir.file(name, content).display().to_string()))
}

/// What a node is given.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Given {
    pub(super) login: Option<Login>,
    pub(super) sentinel: Option<Login>,
    pub(super) ca: Option<Ca>,
    /// A certificate of its own.
    pub(super) own: bool,
}

/// An authority's certificate.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ca {
    Theirs,
    Other,
}

impl Given {
    /// Lines of `[live.redis]`.
    pub(super) fn config(self, dir: &Dir) -> String {
        let mut lines = Vec::new();
        for (prefix, login) in [("", self.login), ("sentinel_", self.sentinel)] {
            if let Some((user, password)) = login {
                let file = dir.file(&format!("{user}-{password}"), &format!("{password}\n"));
                lines.push(format!("{prefix}username = {user:?}"));
                lines.push(format!("{prefix}password_file = {file:?}"));
            }
        }
        if let Some(ca) = self.ca {
            let file = match ca {
                Ca::Theirs => dir.file("given-ca.crt", CA),
                Ca::Other => dir.file("given-other-ca.crt", OTHER_CA),
            };
            lines.push(format!("ca_file = {file:?}"));
        }
        if self.own {
            let (certificate, key) = (dir.file("own.crt", CERTIFICATE), dir.file("own.key", KEY));
            lines.push(format!("certificate_file = {certificate:?}\nkey_file = {key:?}"));
        }
        lines.join("\n") + "\n"
    }
}
