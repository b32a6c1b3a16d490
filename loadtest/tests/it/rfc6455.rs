//! The table of RFC 6455 against a server that is known to be right: npm `ws`.

use loadtest::rfc6455::{Case, Codes, Expect, cases, play};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CODES: Codes = Codes { protocol: 1002, utf8: 1007, too_long: 1009, echoes: true };

struct Control(Child);

impl Drop for Control {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn the_control_passes_every_case() {
    let modules = std::env::var("PALIO_TEST_NPM").expect(
        "PALIO_TEST_NPM must name the npm packages: run `scripts/peers start npm` and \
         `. target/peers/env`",
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fanout/peers.cjs");
    let mut command = Command::new("node");
    command.args([script, "echo", &port.to_string()]).stdin(Stdio::null());
    command.env("NODE_PATH", format!("{modules}/node_modules"));
    let _control = Control(command.spawn().unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let since = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(since.elapsed() < Duration::from_secs(30), "the control does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut wrong = Vec::new();
    for case in cases() {
        wrong.extend(play(address, "/", &case, CODES).await.unwrap());
    }
    // With other codes everything that should fail is told: the runner does look.
    let other = Codes { protocol: 4001, utf8: 4002, too_long: 4003, echoes: true };
    let fails = |case: &&Case| !matches!(case.expect, Expect::Open | Expect::Closed(_));
    for case in cases().iter().filter(fails) {
        assert!(play(address, "/", case, other).await.unwrap().is_some(), "{}", case.name);
    }
    let (all, count) = (cases(), cases().len());
    let of = |expect: fn(&Expect) -> bool| all.iter().filter(|case| expect(&case.expect)).count();
    assert!(of(|e| *e == Expect::Open) > 30 && of(|e| *e == Expect::Protocol) > 30, "{count}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases().len(), wrong.join("\n"));
}
