//! `docker-compose.yml` and `deploy/` say what the code reads: their configuration is taken in
//! production, they hand each node the secrets that it names and no others, and `make-secrets`
//! makes all of them.

use super::tests::Scratch;
use super::*;
use figment::providers::Serialized;
use std::collections::BTreeSet;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The block below `name:` that stands `depth` spaces in, without its indent.
fn block(text: &str, depth: usize, name: &str) -> String {
    let (head, inner) = (format!("{}{name}:", " ".repeat(depth)), " ".repeat(depth + 1));
    let lines = text.lines().skip_while(|line| line.trim_end() != head).skip(1);
    let lines = lines.take_while(|line| line.starts_with(&inner) || line.trim().is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// `name: [a, b]` in a service.
fn list(service: &str, name: &str) -> BTreeSet<String> {
    let head = format!("    {name}: [");
    let line = service.lines().find_map(|line| line.strip_prefix(&head)).unwrap_or("]");
    let items = line.trim_end().strip_suffix(']').expect("a list on one line").split(',');
    items.map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// One of the services that run Palio.
struct Service {
    text: String,
    node: Node,
    file: String,
}

impl Service {
    fn new(compose: &str, name: &str, node: Node, file: &str) -> Self {
        let text = block(&block(compose, 0, "services"), 2, name);
        assert!(text.contains("dockerfile: deploy/Dockerfile"), "{name} is not Palio: {text}");
        let place = Path::new(file).file_name().unwrap().to_str().unwrap();
        let mount = format!("- ./{file}:/etc/palio/{place}:ro\n");
        assert!(text.contains(&mount), "{name} is not given {file}");
        Self { text, node, file: file.to_owned() }
    }

    /// As the process reads it: the file, then the service's environment. Secrets are in `dir`.
    fn config(&self, dir: &str) -> Result<Config, ConfigError> {
        let text = read(&self.file).replace("/run/secrets", dir);
        let mut sources =
            Figment::from(Toml::string(DEFAULT)).merge(Named(self.file.clone(), text));
        let variables = self.text.lines().filter_map(|line| line.trim().strip_prefix("PALIO__"));
        for (name, value) in variables.filter_map(|line| line.split_once(':')) {
            let key = name.to_lowercase().replace("__", ".");
            let value: figment::value::Value = value.trim().trim_matches('"').parse().unwrap();
            sources = sources.merge(Serialized::global(&key, value));
        }
        Config::read(&sources, self.node)
    }

    /// What its configuration names below `/run/secrets/`.
    fn named(&self) -> BTreeSet<String> {
        let text = format!("{}{}", read(&self.file), self.text);
        let found = text.split("/run/secrets/").skip(1);
        let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        found.filter_map(|rest| rest.split(end).next()).map(str::to_owned).collect()
    }
}

fn services() -> [Service; 2] {
    let compose = read("docker-compose.yml");
    [
        Service::new(&compose, "palio", Node::Core, "deploy/palio.toml"),
        Service::new(&compose, "edge", Node::Edge, "deploy/edge.toml"),
    ]
}

#[test]
fn what_is_deployed_is_taken_in_production() {
    for service in services() {
        let config = service.config("/run/secrets").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.mode, Mode::Production, "{}", service.file);
        let inside = service.text.split_once(&format!(":{}\"", config.http.bind.port()));
        assert!(inside.is_some(), "{} is not published", config.http.bind);
    }
    let [core, edge] = services();
    let role = "\"serve\", \"--role\", \"edge\", \"--config\", \"/etc/palio/edge.toml\"";
    assert!(edge.text.contains(role) && !core.text.contains("--role"), "{}", edge.text);
    let (core, edge) = (core.config("/s").unwrap(), edge.config("/s").unwrap());
    let (redis, theirs) = (&core.live.redis, &edge.live.redis);
    assert_eq!((redis.kind, &redis.urls), (theirs.kind, &theirs.urls), "one Redis");
    assert_eq!((&redis.master, &redis.prefix), (&theirs.master, &theirs.prefix));
    let port = core.http.bind.port();
    assert_eq!(edge.edge.core_url, format!("http://palio:{port}"));
}

#[test]
fn a_key_that_nobody_reads_would_be_found_in_the_environment() {
    let [_, mut edge] = services();
    edge.text.push_str("    environment:\n      PALIO__EDGE__STALE_MS: \"2500\"\n");
    assert_eq!(edge.config("/s").unwrap().edge.stale_ms, 2_500);
    edge.text.push_str("      PALIO__AUTH__JWT_SECRET_FILE: /run/secrets/jwt\n");
    let error = edge.config("/s").unwrap_err().to_string();
    assert!(error.contains("auth.jwt_secret_file is not a key"), "{error}");
}

#[test]
fn every_node_is_handed_the_secrets_that_it_names_and_no_others() {
    let compose = read("docker-compose.yml");
    let known = block(&compose, 0, "secrets");
    for service in services() {
        let given = list(&service.text, "secrets");
        assert_eq!(given, service.named(), "{}", service.file);
        assert!(!given.is_empty());
        for name in given {
            let entry = format!("  {name}:\n    file: deploy/secrets/{name}\n");
            assert!(known.contains(&entry), "docker-compose.yml has no file for {name}");
        }
    }
    let redis = block(&block(&compose, 0, "services"), 2, "redis");
    assert_eq!(list(&redis, "secrets"), BTreeSet::from(["redis_acl".to_owned()]));
    assert!(redis.contains("\"--aclfile\", \"/run/secrets/redis_acl\""), "{redis}");
}

/// Needs `openssl`, as whoever deploys does.
#[test]
fn make_secrets_makes_what_the_nodes_read() {
    let scratch = Scratch::new();
    for file in ["make-secrets", "redis.acl"] {
        std::fs::copy(root().join("deploy").join(file), scratch.0.join(file)).unwrap();
    }
    let made = || {
        let output = Command::new("bash").arg(scratch.0.join("make-secrets")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = |name: &str| std::fs::read_to_string(scratch.0.join("secrets").join(name));
        ALL.map(|name| file(name).unwrap())
    };
    let first = made();
    assert_eq!(first, made(), "what is there stays");
    let dir = scratch.0.join("secrets").display().to_string();
    let [core, edge] = services().map(|service| service.config(&dir).unwrap());
    let secrets = Secrets::load(&core).unwrap();
    assert_eq!(public_keys(&edge).unwrap(), [secrets.signing.public()]);
    let acl = std::fs::read_to_string(scratch.0.join("secrets/redis_acl")).unwrap();
    for config in [&core, &edge] {
        let password = RedisSecrets::load(config).unwrap().password.unwrap();
        let password = std::str::from_utf8(password.expose()).unwrap();
        let user = &config.live.redis.username;
        assert!(acl.contains(&format!("\nuser {user} on >{password} ~palio:* ")), "{user}: {acl}");
    }
    // The rules are those that are documented, and that tests try with a real server.
    let docs = read("docs/ops/edges.md");
    assert!(docs.contains(&format!("```\n{}```", read("deploy/redis.acl"))), "docs/ops/edges.md");
}

const ALL: [&str; 8] = [
    "journal_key",
    "token_signing_key",
    "token_public_key",
    "provider_secret",
    "redis_core_password",
    "redis_edge_password",
    "redis_acl",
    "palio.env",
];
