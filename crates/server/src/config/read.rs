//! From tables to a typed configuration.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use fenghuo_engine::rule::table::{File, Table};

use super::{Config, Influx, LogConfig, Mqtt, MqttUser, Place, SECRET_IN_FILE, Secret, Webhook};
use crate::transport::External;

type Tables<'t, 'i> = Table<'t, 'i>;

/// Reads everything, so that all problems come at once; `None` when there was any.
pub fn config(
    file: &mut File<'_>,
    mut root: Tables<'_, '_>,
    place: Place<'_>,
) -> (Vec<(String, String)>, Option<Config>) {
    let data_dir = root.need_text(file, "data_dir").map(|(text, _)| text);
    let http = root.table(file, "http").map(|table| http(file, table));
    let mqtt = root
        .table(file, "mqtt")
        .and_then(|table| mqtt(file, table, place));
    let rules = rules(file, &mut root, place);
    let expected = expected(file, &mut root);
    let log = root.table(file, "log").map(|table| log(file, table));
    let retention_months = retention(file, &mut root);
    let keep_notices = keep_notices(file, &mut root);
    let (snapshot_every, snapshot_keep) = snapshots(file, &mut root);
    let webhooks = webhooks(file, &mut root, place);
    let influx = root
        .table(file, "influxdb")
        .map(|table| influx(file, table, place));
    root.done(file);
    let default_http = SocketAddr::from(([127, 0, 0, 1], 8080));
    let default_mqtt = Mqtt::Embedded {
        listen: SocketAddr::from(([127, 0, 0, 1], 1883)),
        users: Vec::new(),
    };
    let mqtt = mqtt.unwrap_or(default_mqtt);
    let http = http.flatten().unwrap_or(default_http);
    if matches!(&mqtt, Mqtt::Embedded { listen, .. } if *listen == http && http.port() != 0) {
        file.fault(
            0..0,
            format!("console and broker cannot both listen on {http}"),
        );
    }
    let Some(data_dir) = data_dir.filter(|_| file.faults.is_empty()) else {
        return (rules, None);
    };
    let config = Config {
        data_dir: data_dir.into(),
        http,
        mqtt,
        rules: rules.clone(),
        expected,
        log: log.unwrap_or(LogConfig {
            budget_bytes: None,
            reserve_bytes: 64 << 20,
            trim: true,
        }),
        retention_months,
        keep_notices,
        snapshot_every,
        snapshot_keep,
        webhooks,
        influx: influx.flatten(),
    };
    (rules, Some(config))
}

/// Three years, as long as a county wants its events at least.
const KEEP_NOTICES_DAYS: u64 = 1_096;

/// `[notices] keep_days`; 0 keeps all.
fn keep_notices(file: &mut File<'_>, root: &mut Tables<'_, '_>) -> Option<Duration> {
    let days = root.table(file, "notices").and_then(|mut table| {
        let days = table.whole(file, "keep_days", 0..=36_500);
        table.done(file);
        days
    });
    let days = days.unwrap_or(KEEP_NOTICES_DAYS);
    (days > 0).then(|| Duration::from_hours(24 * days))
}

fn retention(file: &mut File<'_>, root: &mut Tables<'_, '_>) -> u16 {
    let Some(mut table) = root.table(file, "history") else {
        return 0;
    };
    let months = table.whole(file, "retention_months", 0..=1_200);
    table.done(file);
    months
        .and_then(|months| u16::try_from(months).ok())
        .unwrap_or(0)
}

/// How often a snapshot is taken, and how many are kept.
fn snapshots(file: &mut File<'_>, root: &mut Tables<'_, '_>) -> (Duration, usize) {
    let (mut every, mut keep) = (60_000, 2);
    if let Some(mut table) = root.table(file, "snapshot") {
        every = table.duration(file, "every").unwrap_or(every);
        keep = table.whole(file, "keep", 1..=100).unwrap_or(keep);
        if every < 1_000 {
            file.fault(table.span(), "`every` must be at least \"1s\"");
        }
        table.done(file);
    }
    (
        Duration::from_millis(every),
        usize::try_from(keep).unwrap_or(2),
    )
}

fn webhooks(file: &mut File<'_>, root: &mut Tables<'_, '_>, place: Place<'_>) -> Vec<Webhook> {
    let tables = root.tables(file, "webhook");
    let webhooks: Vec<_> = tables
        .into_iter()
        .filter_map(|table| webhook(file, table, place))
        .collect();
    for (at, webhook) in webhooks.iter().enumerate() {
        if webhooks[..at]
            .iter()
            .any(|other| other.name == webhook.name)
        {
            file.fault(0..0, format!("two webhooks are named `{}`", webhook.name));
        }
    }
    webhooks
}

fn address(file: &mut File<'_>, (text, span): (String, Range<usize>)) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        file.fault(
            span,
            "an address and port such as \"127.0.0.1:8080\" is expected",
        );
    }
    address
}

/// Without users nobody is known, so only this machine may come in.
fn loopback_only(file: &mut File<'_>, address: SocketAddr, span: Range<usize>, what: &str) {
    if !address.ip().is_loopback() {
        file.fault(
            span,
            format!("without users {what} may listen on loopback only (127.0.0.1 or [::1])"),
        );
    }
}

fn http(file: &mut File<'_>, mut table: Tables<'_, '_>) -> Option<SocketAddr> {
    let found = table.text(file, "listen");
    table.done(file);
    let (text, span) = found?;
    let listen = address(file, (text, span.clone()))?;
    loopback_only(file, listen, span, "the console");
    Some(listen)
}

fn mqtt(file: &mut File<'_>, mut table: Tables<'_, '_>, place: Place<'_>) -> Option<Mqtt> {
    let listen = table.text(file, "listen");
    let broker = table.text(file, "broker");
    let client_id = table
        .text(file, "client_id")
        .map_or("fenghuo".to_owned(), |(text, _)| text);
    let login = login(file, &mut table, place);
    let users = table.tables(file, "user");
    let users: Vec<_> = users
        .into_iter()
        .filter_map(|table| user(file, table, place))
        .collect();
    let span = table.span();
    table.done(file);
    match (listen, broker) {
        (Some(_), Some(_)) => {
            file.fault(
                span,
                "either `listen` (the embedded broker) or `broker` (another one), not both",
            );
            None
        }
        (None, Some((url, span))) => {
            let Some((host, port)) = host_port(&url) else {
                file.fault(
                    span,
                    "an address such as \"mqtt://127.0.0.1:1883\" is expected",
                );
                return None;
            };
            Some(Mqtt::External(External {
                host,
                port,
                login,
                client_id,
            }))
        }
        (listen, None) => {
            let (text, span) = listen.unwrap_or(("127.0.0.1:1883".to_owned(), span));
            let listen = address(file, (text, span.clone()))?;
            if users.is_empty() {
                loopback_only(file, listen, span, "the broker");
            }
            Some(Mqtt::Embedded { listen, users })
        }
    }
}

/// An address that requests can be sent to; logins do not stand in it.
fn web_address(file: &mut File<'_>, found: Option<(String, Range<usize>)>) -> Option<String> {
    let (url, span) = found?;
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    match host {
        Some(host) if host.contains('@') => {
            file.fault(
                span,
                "logins do not stand in addresses: use the file or the environment",
            );
        }
        Some(host) if !host.is_empty() => return Some(url),
        _ => file.fault(
            span,
            "an address such as \"http://127.0.0.1:8086\" is expected",
        ),
    }
    None
}

fn host_port(url: &str) -> Option<(String, u16)> {
    let rest = url.strip_prefix("mqtt://")?.trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "1883"));
    (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
}

fn login(
    file: &mut File<'_>,
    table: &mut Tables<'_, '_>,
    place: Place<'_>,
) -> Option<(String, String)> {
    let user = table.text(file, "username");
    let password = secret(file, table, "password", place);
    match (user, password) {
        (Some((user, _)), Some(password)) => Some((user, password.0)),
        (Some((_, span)), None) => {
            file.fault(span, "`username` needs `password_file`");
            None
        }
        _ => None,
    }
}

fn user(file: &mut File<'_>, mut table: Tables<'_, '_>, place: Place<'_>) -> Option<MqttUser> {
    let name = table.need_text(file, "name");
    let password = secret(file, &mut table, "password", place);
    let gateway = table.text(file, "gateway");
    if let Some((name, span)) = &gateway
        && name.parse::<fenghuo_model::GatewayKey>().is_err()
    {
        file.fault(span.clone(), "`gateway` must be \"enterprise/gateway\"");
    }
    if password.is_none() {
        file.fault(table.span(), "`password_file` is missing or cannot be read");
    }
    table.done(file);
    Some(MqttUser {
        name: name?.0,
        password: password?,
        gateway: gateway.map(|(gateway, _)| gateway),
    })
}

/// A secret, from `<key>_file` (relative to the configuration) or, by the environment only,
/// from `<key>`.
fn secret(
    file: &mut File<'_>,
    table: &mut Tables<'_, '_>,
    key: &str,
    place: Place<'_>,
) -> Option<Secret> {
    let (file_key, plain_key) = match key {
        "password" => ("password_file", "password"),
        "token" => ("token_file", "token"),
        _ => ("bearer_file", "bearer"),
    };
    if let Some((plain, span)) = table.text(file, plain_key) {
        if place.secrets_allowed {
            return Some(Secret(plain));
        }
        file.fault(
            span,
            format!("{SECRET_IN_FILE}: use `{file_key}` or the environment"),
        );
        return None;
    }
    let (path, span) = table.text(file, file_key)?;
    match std::fs::read_to_string(place.dir.join(&path)) {
        Ok(text) => Some(Secret(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => {
            file.fault(span, format!("{path}: {error}"));
            None
        }
    }
}

fn rules(
    file: &mut File<'_>,
    root: &mut Tables<'_, '_>,
    place: Place<'_>,
) -> Vec<(String, String)> {
    let mut rules = Vec::new();
    for (path, span) in root.texts(file, "rules") {
        match std::fs::read_to_string(place.dir.join(&path)) {
            Ok(text) => rules.push((path, text)),
            Err(error) => file.fault(span, format!("{path}: {error}")),
        }
    }
    rules
}

fn expected(file: &mut File<'_>, root: &mut Tables<'_, '_>) -> Vec<fenghuo_model::GatewayKey> {
    let mut keys = Vec::new();
    for (name, span) in root.texts(file, "expected") {
        match name.parse() {
            Ok(key) => keys.push(key),
            Err(error) => file.fault(span, format!("{error}")),
        }
    }
    keys
}

fn log(file: &mut File<'_>, mut table: Tables<'_, '_>) -> LogConfig {
    let megabytes = |number: u64| number << 20;
    let config = LogConfig {
        budget_bytes: table.whole(file, "budget_mb", 16..=1 << 24).map(megabytes),
        reserve_bytes: megabytes(table.whole(file, "reserve_mb", 1..=1 << 20).unwrap_or(64)),
        trim: table.truth(file, "trim").unwrap_or(true),
    };
    table.done(file);
    config
}

fn webhook(file: &mut File<'_>, mut table: Tables<'_, '_>, place: Place<'_>) -> Option<Webhook> {
    let name = table.need_text(file, "name");
    let url = table.need_text(file, "url");
    let url = web_address(file, url);
    let timeout = table.duration(file, "timeout").unwrap_or(5_000);
    let bearer = secret(file, &mut table, "bearer", place);
    let fault_after = table.duration(file, "fault_after").unwrap_or(60_000);
    table.done(file);
    if let Some((name, span)) = &name
        && name == fenghuo_engine::EVERY_CARRIER
    {
        let what = format!("`{name}` stands for every carrier; no carrier may be named so");
        file.fault(span.clone(), what);
    }
    Some(Webhook {
        name: name?.0,
        url: url?,
        timeout: Duration::from_millis(timeout.max(100)),
        bearer,
        fault_after: Duration::from_millis(fault_after),
    })
}

fn influx(file: &mut File<'_>, mut table: Tables<'_, '_>, place: Place<'_>) -> Option<Influx> {
    let url = table.need_text(file, "url");
    let url = web_address(file, url);
    let org = table.need_text(file, "org");
    let bucket = table.need_text(file, "bucket");
    let token = secret(file, &mut table, "token", place);
    if token.is_none() {
        file.fault(table.span(), "`token_file` is missing or cannot be read");
    }
    let budget = table
        .whole(file, "budget_mb", 16..=1 << 24)
        .unwrap_or(4_096)
        << 20;
    let age = table.duration(file, "budget_age").unwrap_or(86_400_000);
    table.done(file);
    Some(Influx {
        url: url?,
        org: org?.0,
        bucket: bucket?.0,
        token: token?,
        budget_bytes: budget,
        budget_age: Duration::from_millis(age),
    })
}
