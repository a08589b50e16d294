use super::*;

fn here(dir: &Path) -> Place<'_> {
    Place {
        dir,
        secrets_allowed: false,
    }
}

fn check(text: &str) -> String {
    match parse("server.toml", text, here(Path::new("."))) {
        Ok(config) => format!("{config:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_least_configuration_listens_on_loopback() {
    let config = parse("server.toml", "data_dir = \"data\"", here(Path::new("."))).unwrap();
    assert!(config.http.ip().is_loopback());
    assert!(matches!(config.mqtt, Mqtt::Embedded { listen, .. } if listen.ip().is_loopback()));
    assert_eq!(config.log.reserve_bytes, 64 << 20);
}

#[test]
fn every_problem_is_named_with_its_line() {
    let told = check(
        r#"
colour = "green"
rules = ["no-such-file.toml"]
expected = ["a/b/c d"]
[http]
listen = "0.0.0.0:8080"
[mqtt]
listen = "nowhere"
[log]
reserve_mb = 0
[[webhook]]
name = "duty"
bearer = "in the file"
"#,
    );
    for expected in [
        "`data_dir` is missing",
        "server.toml:2:1: unknown key `colour`",
        "server.toml:3:10: no-such-file.toml",
        "server.toml:4:13:",
        "server.toml:6:10: without users the console",
        "server.toml:8:10: an address and port",
        "server.toml:10:14: `reserve_mb` must be a whole number",
        "server.toml:11:1: `url` is missing",
        "server.toml:13:10: secrets do not stand in the file",
    ] {
        assert!(told.contains(expected), "missing: {expected}\nin:\n{told}");
    }
}

#[test]
fn a_secret_is_never_printed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "very-secret\n").unwrap();
    let text = "data_dir = \"d\"\n[influxdb]\nurl = \"http://u\"\norg = \"o\"\nbucket = \"b\"\ntoken_file = \"token\"\n";
    let config = parse("server.toml", text, here(dir.path())).unwrap();
    assert_eq!(config.influx.as_ref().unwrap().token.0, "very-secret");
    assert!(!format!("{config:?}").contains("very-secret"));
}
