use super::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

fn defaults() -> Figment {
    Figment::from(Toml::string(DEFAULT))
}

fn with(text: &str) -> Result<Config, ConfigError> {
    Config::of_text("file own.toml", text)
}

fn problems(text: &str) -> Vec<String> {
    match with(text) {
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
    let config = Config::read(&defaults()).unwrap();
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
        one("e", 1, &format!("health_url = \"https://x/\"\ntimeout_ms = 9\n{}", keys("k5"))),
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
        notices_url = \"https://example.com\"
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
        "auth.jwt_secret_file",
        "provider[0].keys[0].secret_file",
        "provider[0].id",
    ];
    assert_eq!(keys, expected, "{found:#?}");
    let own = "mode = \"production\"\nprovider = []\n[journal]\nkey_file = \"/k/journal\"\n";
    let generated = format!("{own}[auth]\njwt_secret_file = \"data/secrets/jwt.secret\"");
    assert!(problems(&generated)[0].contains("a secret made for the demo"));
    assert!(with(&format!("{own}[auth]\njwt_secret_file = \"/k/jwt\"")).is_ok());
}

#[test]
fn the_default_is_a_demo_with_three_series() {
    let config = with("").unwrap();
    assert_eq!((config.mode, config.series.len()), (Mode::Demo, 3));
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let error = Config::load(Some(Path::new("/no/such/file.toml"))).unwrap_err();
    assert!(error.to_string().starts_with("/no/such/file.toml can't be read"));
}

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
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
    assert_eq!(first.jwt.expose(), again.jwt.expose());
    assert_eq!(first.jwt.expose().len(), 64);
    assert_eq!(first.providers["sandbox-1"].provider.as_str(), "sandbox");
    let files: Vec<_> = std::fs::read_dir(config.secrets_dir()).unwrap().collect();
    assert_eq!(files.len(), 3);
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
        jwt_secret_file = \"$jwt\"
        [[provider]]
        id = \"acme\"
        tenant = 1
        replay_status = 409
        keys = [{ id = \"k\", secret_file = \"$acme\" }]";
    let config = scratch.config(own);
    std::fs::write(scratch.0.join("jwt"), "short\n").unwrap();
    std::fs::write(scratch.0.join("journal"), "0".repeat(63)).unwrap();
    let error = Secrets::load(&config).unwrap_err().to_string();
    assert!(error.contains("journal can't") || error.contains("64 hexadecimal"), "{error}");
    assert!(error.contains("at least 32 bytes") && error.contains("key k"), "{error}");
    std::fs::write(scratch.0.join("jwt"), "x".repeat(32)).unwrap();
    std::fs::write(scratch.0.join("acme"), "y".repeat(32)).unwrap();
    std::fs::write(scratch.0.join("journal"), "01".repeat(32)).unwrap();
    let secrets = Secrets::load(&config).unwrap();
    assert_eq!(secrets.journal_key, [1; 32]);
}

/// The environment of a running process can't be changed safely, so this test runs itself again.
#[test]
fn the_environment_comes_last() {
    let name = "config::tests::the_environment_comes_last";
    if std::env::var_os("PALIO__HTTP__WORKERS").is_some() {
        match Config::load(None) {
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
    let demo = Config::load(None).unwrap();
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
