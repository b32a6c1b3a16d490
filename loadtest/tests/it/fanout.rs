//! `loadtest fanout` against the peers that need no Palio; those that do are in Palio's tests.

use serde_json::Value;
use std::process::Command;

#[test]
fn peers_take_turns_and_are_compared() {
    let modules = std::env::var("PALIO_TEST_NPM").expect(
        "PALIO_TEST_NPM must name the npm packages: run `scripts/peers start npm` and \
         `. target/peers/env`",
    );
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["fanout", "--small", "--no-pin", "--json", "--figure", "bytes,delivery"])
        .args(["--peers", "bare,uwebsockets,ws", "--hz", "20", "--delay-ms", "100"])
        .args(["--npm", &modules])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = report["figures"].as_array().unwrap();
    assert_eq!(
        (&figures[0]["name"], &figures[1]["name"]),
        (&"bytes".into(), &"delivery, 20 Hz".into())
    );
    let rows = figures[1]["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bare send loop", "uwebsockets", "ws"]);
    for row in rows {
        assert!(row["cpuUs"]["median"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["toBare"]["median"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["bytes"]["median"], 107.0, "{row}");
    }
}

#[test]
fn too_few_open_files_are_told_before_anything_starts() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["fanout", "--no-pin", "--sockets", "100000000"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("open files are needed") && errors.contains("ulimit -n"), "{errors}");
}
