use super::*;
use crate::auth::PublicKey;
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

fn defaults() -> Figment {
    Figment::from(Toml::string(DEFAULT))
}

fn with(text: &str) -> Result<Config, ConfigError> {
    Config::of_text("file own.toml", text, Node::Core)
}

fn problems(text: &str) -> Vec<String> {
    problems_of(Node::Core, text)
}

fn problems_of(node: Node, text: &str) -> Vec<String> {
    match Config::of_text("file own.toml", text, node) {
        Err(ConfigError::Invalid(problems)) => {
            problems.iter().map(|problem| problem.to_string()).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Every key, lists entered at their first element.
fn keys(prefix: &str, value: &Value, to: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                keys(&format!("{prefix}.{name}"), value, to);
            }
        }
        Value::Array(items) if matches!(items.first(), Some(Value::Object(_))) => {
            keys(&format!("{prefix}[]"), &items[0], to);
        }
        _ => {
            to.insert(prefix.to_owned());
        }
    }
}

#[test]
fn the_defaults_name_every_key_and_no_other() {
    let config = Config::read(&defaults(), Node::Core).unwrap();
    let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
    keys("", &serde_json::to_value(&config).unwrap(), &mut read);
    keys("", &defaults().extract().unwrap(), &mut written);
    // `None` is written as "" and read as null: the key is the same.
    assert_eq!(read, written);
}

#[test]
fn every_key_of_the_defaults_has_a_comment() {
    let (mut comment, mut section, mut sections) = (String::new(), "", BTreeSet::new());
    let mut first = true;
    for line in DEFAULT.lines() {
        if line.starts_with('[') {
            section = line;
            first = sections.insert(section);
        } else if line.starts_with('#') {
            comment.push_str(line);
        } else if let Some((key, value)) = line.split_once(" = ")
            && first
        {
            assert!(comment.len() > 2, "no comment: {section} {key}");
            let ranged = value.parse::<i64>().is_err()
                || comment.contains(|c: char| c.is_ascii_digit())
                || comment.contains("> 0")
                || comment.contains("less than");
            assert!(ranged, "no range: {section} {key}: {comment}");
        }
        if !line.starts_with('#') {
            comment.clear();
        }
    }
}

#[test]
fn a_bad_value_is_named_with_its_source() {
    assert_eq!(problems("[http]\nworkerz = 3"), ["http.workerz is not a key (from file own.toml)"]);
    let message = problems("[http]\nworkers = \"many\"").remove(0);
    assert!(message.starts_with("http.workers is wrong: "), "{message}");
    assert!(message.ends_with("(from file own.toml)"), "{message}");
    let message = problems("mode = \"prod\"").remove(0);
    assert!(message.starts_with("mode is wrong: "), "{message}");
    let message = problems("[storage]\npostgres_url_env = \"postgres://u:p@h/d\"").remove(0);
    assert!(message.contains("the name of an environment variable"), "{message}");
    assert!(with("[[tenant]]\nid = 1\nname = \"x\"\ncurrency = \"eur\"").is_err());
    assert!(with("[[provider]]\nid = \"a\"\ntenant = 1\nsecret = \"x\"").is_err());
}

#[test]
fn all_problems_are_listed() {
    let text = "
        tenant = [{ id = 0, name = \"\", currency = \"EUR\" }]
        [http]
        json_depth_max = 2
        [core]
        commands_in_flight_max = 1000
        settle_reserve = 1000
        [log]
        filter = \"a=b=c\"
        [[series]]
        id = \"Not a slug\"
        name = \"x\"
        metric = \"ggr\"
        currency = \"EUR\"
        every_seconds = 5
        duration_seconds = 60
        ahead_seconds = 60
        grace_seconds = 0
        min_stake = \"0\"
        points_per = \"0\"
        entry = \"all\"
        prizes = [\"1.00\", \"2.00\"]
        tick_ms = 1000
        description = \"\"
        [[series]]
        id = \"x\"
        name = \"x\"
        metric = \"ggr\"
        currency = \"EUR\"
        every_seconds = 60
        duration_seconds = 60
        ahead_seconds = 60
        grace_seconds = 0
        min_stake = \"0.001\"
        points_per = \"1\"
        entry = \"all\"
        prizes = []
        tick_ms = 1000
        description = \"\"";
    let found = problems(text);
    let keys: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "http.json_depth_max",
        "core.settle_reserve",
        "log.filter",
        "tenant[0].id",
        "tenant[0].name",
        "provider[0].tenant",
        "series[0].id",
        "series[0].every_seconds",
        "series[0].points_per",
        "series[0].prizes",
        "series[1].min_stake",
    ];
    assert_eq!(keys, expected, "{found:#?}");
}

#[test]
fn dialects_need_an_address_and_keys_of_their_own() {
    let one = |id: &str, tenant: u32, more: &str| {
        format!("[[provider]]\nid = \"{id}\"\ntenant = {tenant}\n{more}\n")
    };
    let keys = |id: &str| format!("keys = [{{ id = \"{id}\", secret_file = \"\" }}]");
    let tenants = "tenant = [{ id = 1, name = \"a\", currency = \"EUR\" }, \
                   { id = 2, name = \"b\", currency = \"EUR\" }]\n";
    let text = [
        tenants.to_owned(),
        one("a", 1, &format!("dialect = \"hub88\"\n{}", keys("k1"))),
        one("b", 1, &format!("dialect = \"actions\"\n{}", keys("k2"))),
        one("b", 2, &format!("dialect = \"per_player\"\n{}", keys("k3"))),
        one("c/d", 1, &format!("dialect = \"actions\"\n{}", keys("k4"))),
        one(
            "e",
            1,
            &format!("health_url = \"https://user:word@x/\"\ntimeout_ms = 9\n{}", keys("k5")),
        ),
        one("f", 1, &format!("dialect = \"actions\"\nreplay_status = 200\n{}", keys("k6"))),
        one(
            "g",
            1,
            &format!(
                "dialect = \"per_player\"\nsessions = \"when_named\"\nlate_bet = \"refuse\"\n\
                 unmatched_win = \"promo\"\namend = \"add\"\n{}",
                keys("k7")
            ),
        ),
        "[health]\nfailed_percent = 0".to_owned(),
    ];
    let found = problems(&text.concat());
    let keys: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "health.failed_percent",
        "provider[0].keys[0].id",
        "provider[2].id",
        "provider[3].id",
        "provider[4].timeout_ms",
        "provider[4].health_url",
        // What a dialect would not do is refused, also where it happens to be what it does.
        "provider[5].replay_status",
        "provider[6].sessions",
        "provider[6].late_bet",
        "provider[6].unmatched_win",
        "provider[6].amend",
    ];
    assert_eq!(keys, expected, "{found:#?}");
    assert!(with("[[provider]]\nid = \"a\"\ntenant = 1\ndialect = \"other\"").is_err());
}

#[test]
fn schedules_are_named_with_what_is_wrong() {
    let text = "
        [[tenant]]
        id = 7
        name = \"a\"
        currency = \"EUR\"
        zone = \"Mars/Base\"
        notices_url = \"example.com/notices\"
        [[schedule]]
        id = \"one\"
        when = { type = \"cron\", expression = \"61 * * * *\" }
        length = { type = \"fixed\", ms = 60000 }
        zone = \"Europe/Berlin\"
        speed = 1
        [[schedule]]
        id = \"two\"
        tenant = 9
        when = { type = \"cron\", expression = \"61 * * * *\" }
        length = { type = \"fixed\", ms = 60000 }
        [schedule.tournament]
        name = \"Two\"
        startsAt = \"2026-11-21T18:00:00Z\"
        [[schedule]]
        id = \"three\"
        zone = \"UTC\"
        when = { type = \"once\", at = \"2026-11-21T18:00\" }
        length = { type = \"fixed\", ms = 60000 }
        [schedule.tournament]
        [[schedule]]
        id = \"three\"
        zone = \"UTC\"
        when = { type = \"instant\" }
        length = { type = \"fixed\", ms = 60000 }
        [schedule.tournament]";
    let found = problems(&format!("provider = []\n{text}"));
    let keys: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "tenant[0].zone",
        "tenant[0].notices_url",
        "schedule[0].tournament",
        "schedule[0].speed",
        "schedule[1].tenant",
        "schedule[1].tournament.startsAt",
        "schedule[1].when.expression",
        "schedule[3].id",
    ];
    assert_eq!(keys, expected, "{found:#?}");
    let message = problems("[[schedule]]\nid = 7").join("\n");
    assert!(message.contains("schedule[0].id must be a JSON string (INVALID_FIELD)"), "{message}");
    let text = "mode = \"development\"\n[[tenant]]\nid = 1\nname = \"a\"\ncurrency = \"EUR\"";
    let good = with(text).unwrap();
    assert_eq!((good.tenant[0].zone.as_str(), good.schedules().count()), ("UTC", 0));
}

#[test]
fn production_refuses_what_is_made_up() {
    let found = problems("mode = \"production\"\n[storage]\nkind = \"memory\"");
    let keys: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "storage.kind",
        "journal.key_file",
        "auth.signing_key_file",
        "provider[0].keys[0].secret_file",
        "provider[0].id",
    ];
    assert_eq!(keys, expected, "{found:#?}");
    let own = "mode = \"production\"\nprovider = []\n[journal]\nkey_file = \"/k/journal\"\n";
    let generated = format!("{own}[auth]\nsigning_key_file = \"data/secrets/tokens.key\"");
    assert!(problems(&generated)[0].contains("a secret made for the demo"));
    assert!(with(&format!("{own}[auth]\nsigning_key_file = \"/k/tokens\"")).is_ok());
}

/// What a brand's payment service is called with is a secret like the others.
#[test]
fn production_names_the_secret_of_payments() {
    let text = |file: &str| {
        format!(
            "mode = \"production\"\nprovider = []\n[journal]\nkey_file = \"/k/j\"\n[auth]\n\
             signing_key_file = \"/k/t\"\n[[tenant]]\nid = 1\nname = \"a\"\ncurrency = \"EUR\"\n\
             [tenant.payments]\nurl = \"https://pay.example/\"\nsecret_file = \"{file}\""
        )
    };
    assert!(with(&text("/k/pay")).is_ok());
    for file in ["", "data/secrets/payments-1.key"] {
        let found = problems(&text(file));
        assert!(found[0].starts_with("tenant[0].payments.secret_file is "), "{file}: {found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn an_edge_needs_what_it_uses_and_nothing_else() {
    let redis = "[live.redis]\nkind = \"single\"\nurls = [\"redis://h:6379\"]\n";
    let core = "[edge]\ncore_url = \"http://core:8080\"\n";
    let keys = |keys: &str| format!("[auth]\npublic_key_files = [{keys}]\n");
    let (public, made) = (keys("\"/k/tokens.pub\""), keys("\"data/secrets/tokens.pub\""));
    let signing = "[auth]\nsigning_key_file = \"/k/tokens.key\"\n";
    let both = format!("{public}signing_key_file = \"/k/tokens.key\"\n");
    let memory = "[storage]\nkind = \"memory\"\n";
    let of_core = "[journal]\nkey_file = \"data/secrets/journal.key\"\n\
        [[provider]]\nid = \"sandbox\"\ntenant = 1\n\
        keys = [{ id = \"k\", secret_file = \"\" }]\n\
        [[tenant]]\nid = 1\nname = \"a\"\ncurrency = \"EUR\"\n\
        notices_url = \"http://h/n\"\n[tenant.payments]\nurl = \"https://h/p\"\n";
    let kind = "live.redis.kind is none";
    let needed = "auth.public_key_files is needed in production";
    let demos = "auth.public_key_files has a key made for development";
    let not_here = "auth.signing_key_file is for cores";
    // (parts, what is wrong in production, what is wrong otherwise)
    let rows: &[(&[&str], &[&str], &[&str])] = &[
        (&[], &[kind], &[kind]),
        // Boards alone need Redis alone.
        (&[redis], &[], &[]),
        (&[redis, core], &[needed], &[]),
        (&[redis, core, &public], &[], &[]),
        (&[redis, &public], &[], &[]),
        (&[redis, core, &made], &[demos], &[]),
        (&[redis, &made], &[demos], &[]),
        // What makes tokens is refused whatever the mode is.
        (&[redis, signing], &[not_here], &[not_here]),
        (&[redis, core, &both], &[not_here], &[not_here]),
        (&[redis, core, signing], &[not_here, needed], &[not_here]),
        // What only a core uses is neither needed nor read.
        (&[redis, core, &public, memory], &[], &[]),
        (&[redis, core, &public, of_core], &[], &[]),
    ];
    for (parts, in_production, otherwise) in rows {
        let modes =
            [("production", in_production), ("development", otherwise), ("demo", otherwise)];
        for (mode, expected) in modes {
            let text = format!("mode = \"{mode}\"\n{}", parts.concat());
            let found = match expected.is_empty() {
                true => Config::of_text("own.toml", &text, Node::Edge).err().map(|e| e.to_string()),
                false => {
                    let found = problems_of(Node::Edge, &text);
                    let same = found.len() == expected.len()
                        && found.iter().zip(*expected).all(|(one, start)| one.starts_with(start));
                    (!same).then(|| found.join("\n"))
                }
            };
            assert_eq!(found, None, "{text}");
        }
    }
    // A core asks for its own with the same text.
    let text = format!("mode = \"production\"\n{redis}{core}{public}{memory}{of_core}");
    let found = problems(&text);
    let keys: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let expected = [
        "storage.kind",
        "journal.key_file",
        "auth.signing_key_file",
        "provider[0].keys[0].secret_file",
        "tenant[0].notices_secret_file",
        "tenant[0].payments.secret_file",
        "provider[0].id",
    ];
    assert_eq!(keys, expected, "{found:#?}");
}

/// Also when it was copied out of where it was made.
#[test]
fn an_edge_in_production_refuses_the_demos_key() {
    let demo = Scratch::new();
    Secrets::load(&demo.config("")).unwrap();
    let pem = std::fs::read_to_string(demo.0.join("data/secrets/tokens.pub")).unwrap();
    let bare = pem.split_once('\n').unwrap().1;
    // (mode, file, whether it is taken)
    let rows = [
        ("production", pem.as_str(), false),
        ("development", &pem, true),
        ("production", bare, true),
        ("production", PRIVATE, false),
        ("development", PRIVATE, false),
        ("production", "a secret of at least 32 bytes, as HS256 had", false),
    ];
    for (mode, file, taken) in rows {
        let scratch = Scratch::new();
        std::fs::write(scratch.0.join("tokens.pub"), file).unwrap();
        let text = format!("mode = \"{mode}\"\n[auth]\npublic_key_files = [\"$tokens.pub\"]");
        let text = text.replace('$', &format!("{}/", scratch.0.display()));
        let redis = "[live.redis]\nkind = \"single\"\nurls = [\"redis://h:6379\"]";
        let config = Config::of_text("own", &format!("{text}\n{redis}"), Node::Edge).unwrap();
        assert_eq!(public_keys(&config).is_ok(), taken, "{mode} {file}");
    }
}

#[test]
fn the_default_is_a_demo_with_three_series() {
    let config = with("").unwrap();
    assert_eq!((config.mode, config.series.len()), (Mode::Demo, 3));
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let error = Config::load(Some(Path::new("/no/such/file.toml")), Node::Core).unwrap_err();
    assert!(error.to_string().starts_with("/no/such/file.toml can't be read"));
}

pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        let name = format!("palio-config-{:016x}", rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn config(&self, more: &str) -> Config {
        let dir = self.0.join("data");
        let file = |name: &str| format!("{}/{name}", self.0.display());
        let text = more.replace("$", &file(""));
        with(&format!("{text}\n[storage]\ndata_dir = {dir:?}")).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn missing_secrets_are_made_once_and_for_their_owner_only() {
    let scratch = Scratch::new();
    let config = scratch.config("mode = \"demo\"");
    let first = Secrets::load(&config).unwrap();
    let again = Secrets::load(&config).unwrap();
    assert_eq!(first.journal_key, again.journal_key);
    assert_ne!(first.journal_key, [0; 32]);
    assert_eq!(first.signing.public(), again.signing.public());
    let public = config.secrets_dir().join("tokens.pub");
    let public = PublicKey::parse(&std::fs::read(public).unwrap());
    assert_eq!(public, Ok(first.signing.public()), "what an edge is given");
    assert_eq!(first.providers["sandbox-1"].provider.as_str(), "sandbox");
    let files: Vec<_> = std::fs::read_dir(config.secrets_dir()).unwrap().collect();
    assert_eq!(files.len(), 4);
    for file in files {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(!format!("{first:?}{:?}", first.providers).contains("64"));
}

#[test]
fn named_secrets_are_never_made() {
    let scratch = Scratch::new();
    let own = "mode = \"production\"
        [journal]
        key_file = \"$journal\"
        [auth]
        signing_key_file = \"$tokens.key\"
        public_key_files = [\"$tokens.pub\"]
        [[provider]]
        id = \"acme\"
        tenant = 1
        replay_status = 409
        keys = [{ id = \"k\", secret_file = \"$acme\" }]";
    let config = scratch.config(own);
    let write = |name: &str, text: &str| std::fs::write(scratch.0.join(name), text).unwrap();
    let error = || Secrets::load(&config).unwrap_err().to_string();
    write("tokens.key", "x".repeat(64).as_str());
    write("acme", "short\n");
    write("journal", &"0".repeat(63));
    let all = error();
    for part in ["64 hexadecimal", "key k: ", "at least 32 bytes", "one Ed25519 private key"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(all.contains("auth.public_key_files: ") && all.contains("tokens.pub"), "{all}");
    write("acme", &"y".repeat(32));
    write("journal", &"01".repeat(32));
    // What the demo made is no key for production, wherever it was copied to.
    let demo = Scratch::new();
    let demo = demo.config("");
    Secrets::load(&demo).unwrap();
    for name in ["tokens.key", "tokens.pub"] {
        std::fs::copy(demo.secrets_dir().join(name), scratch.0.join(name)).unwrap();
    }
    let made = error();
    assert_eq!(made.matches("is a key made for development").count(), 2, "{made}");
    write("tokens.key", PRIVATE);
    write("tokens.pub", PRIVATE);
    assert!(error().contains("holds a private key: give the public one"), "{}", error());
    write("tokens.pub", PUBLIC);
    let secrets = Secrets::load(&config).unwrap();
    assert_eq!(secrets.journal_key, [1; 32]);
    assert_eq!(secrets.public_keys, [secrets.signing.public()]);
}

/// Of RFC 8410, 10.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";

/// The environment of a running process can't be changed safely, so this test runs itself again.
#[test]
fn the_environment_comes_last() {
    let name = "config::tests::the_environment_comes_last";
    if std::env::var_os("PALIO__HTTP__WORKERS").is_some() {
        match Config::load(None, Node::Core) {
            Ok(config) => {
                println!("<{:?} {} {}>", config.mode, config.http.workers, config.http.bind);
            }
            Err(error) => println!("<{error}>"),
        }
        return;
    }
    let run = |variables: &[(&str, &str)]| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env("PALIO__HTTP__WORKERS", "3")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let good = run(&[("PALIO__HTTP__BIND", "0.0.0.0:1")]);
    assert!(good.contains("<Demo 3 0.0.0.0:1>"), "{good}");
    let typo = run(&[("PALIO__HTTP__BINDD", "0.0.0.0:1")]);
    assert!(typo.contains("http.bindd is not a key (from the environment)"), "{typo}");
    let wrong = run(&[("PALIO__CORE__THREADS", "many")]);
    assert!(wrong.contains("core.threads is wrong"), "{wrong}");
    assert!(wrong.contains("(from the environment)"), "{wrong}");
}

#[test]
fn the_demo_has_schedules_of_its_own() {
    let demo = Config::load(None, Node::Core).unwrap();
    let named: Vec<_> = demo.schedules().map(|(_, one)| one["id"].clone()).collect();
    assert_eq!((demo.mode, named), (Mode::Demo, vec!["jackpot".into(), "winners-table".into()]));
    let other = with("mode = \"development\"").unwrap();
    assert_eq!(other.schedules().count(), 0);
}

#[test]
fn a_theme_brings_no_style_of_its_own() {
    let tenant = |theme: &str| {
        format!("[[tenant]]\nid = 1\nname = \"a\"\ncurrency = \"EUR\"\n[tenant.theme]\n{theme}")
    };
    assert!(with(&tenant("name = \"Acme\"\naccent = \"#0b6e4f\"\nlogo = \"/a.svg\"")).is_ok());
    for (theme, key) in [
        ("name = \"\"", "theme.name"),
        ("name = \"Acme\\nRaces\"", "theme.name"),
        ("name = \"Acme\"\naccent = \"red\"", "theme.accent"),
        ("name = \"Acme\"\naccent = \"#fff;} body { display: none\"", "theme.accent"),
        ("name = \"Acme\"\nlogo = \"https://elsewhere.example/a.png\"", "theme.logo"),
        ("name = \"Acme\"\nlogo = \"/a.svg?x\"", "theme.logo"),
    ] {
        let found = problems(&tenant(theme));
        assert!(found.iter().any(|one| one.contains(key)), "{theme}: {found:?}");
    }
    assert!(with(&tenant("name = \"Acme\"\nscheme = \"blue\"")).is_err());
    let off = "[[tenant]]\nid = 1\nname = \"a\"\ncurrency = \"EUR\"\nrules_off = [\"luck\"]";
    assert!(with(off).is_err());
}

/// A series announces by itself what nobody may announce by hand.
#[test]
fn series_use_no_rules_that_are_switched_off() {
    let check = |tenant: &str, series: &str| {
        with(&format!(
            "[[tenant]]\nid = 1\nname = \"a\"\ncurrency = \"EUR\"\n{tenant}\n\
             [[series]]\nid = \"s\"\nname = \"S\"\ncurrency = \"EUR\"\nevery_seconds = 60\n\
             duration_seconds = 60\nahead_seconds = 0\ngrace_seconds = 0\ntick_ms = 1000\n\
             min_stake = \"0\"\npoints_per = \"1\"\nentry = \"all\"\nprizes = []\ndescription = \"\"\n{series}"
        ))
    };
    let (turnover, slots) =
        ("metric = \"turnover\"", "metric = \"custom\"\ntemplate = \"max-multiplier\"");
    for (tenant, series, key) in [
        ("", turnover, None),
        ("rules_off = [\"ratio\"]", turnover, None),
        ("rules_off = [\"stake\"]", turnover, Some("series[0].metric")),
        ("rules_off = [\"ratio\"]", slots, Some("series[0].template")),
        ("rules_off = [\"reported\"]", slots, None),
        ("tournament_types = [\"slot_race\"]", turnover, Some("series[0].type")),
        ("tournament_types = [\"leaderboard\"]", turnover, None),
    ] {
        let found = check(tenant, series);
        let found = match found {
            Ok(_) => None,
            Err(ConfigError::Invalid(problems)) => Some(problems[0].to_string()),
            Err(other) => panic!("{other:?}"),
        };
        match key {
            Some(key) => assert!(found.as_ref().is_some_and(|one| one.contains(key)), "{found:?}"),
            None => assert_eq!(found, None, "{tenant}"),
        }
    }
}
