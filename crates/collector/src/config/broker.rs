//! A broker: where it is, how to log in, which MQTT it speaks, and whom to trust. The same
//! keys for devices' brokers and for the destination, whose may also come from the environment.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use super::environment::OfDestination;
use super::table::Table;
use super::{Broker, Password, Version};
use crate::mqtt::tls::{Identity, Tls};

const PORT: u16 = 1_883;
const PORT_TLS: u16 = 8_883;
const WANTED: &str = "is not `mqtt://host:port` or `mqtts://host:port`";

/// Reads a broker's keys from its table, and settings of the destination that the environment
/// gives instead.
pub fn broker(table: &Table<'_>, environment: Option<&OfDestination<'_>>) -> Option<Broker> {
    let given = environment.and_then(|e| Some((e, e.text("url")?)));
    let in_file = table.text("url");
    let address = match given {
        Some((environment, url)) => address(&url, |what| {
            environment.problem("url", what);
        }),
        None => {
            if !table.has("url") {
                table.missing("url");
            }
            in_file.and_then(|url| address(url, |what| table.problem("url", what)))
        }
    };
    let login = login(table, environment);
    let version = version(table);
    let tls = tls(table, environment, address.as_ref().map(|it| it.is_secret));
    let Address { host, port, .. } = address?;
    Some(Broker {
        host,
        port,
        login,
        version: version?,
        tls: tls?,
    })
}

struct Address {
    host: String,
    port: u16,
    is_secret: bool,
}

fn address(url: &str, problem: impl Fn(String)) -> Option<Address> {
    let (rest, is_secret) = match (url.strip_prefix("mqtt://"), url.strip_prefix("mqtts://")) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => {
            problem(WANTED.to_owned());
            return None;
        }
    };
    if rest.contains('@') {
        problem("holds a login; use username and password_file".to_owned());
        return None;
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)),
        None => (rest, Some(if is_secret { PORT_TLS } else { PORT })),
    };
    match port {
        Some(port) if !host.is_empty() && !host.contains('/') => Some(Address {
            host: host.to_owned(),
            port,
            is_secret,
        }),
        _ => {
            problem(WANTED.to_owned());
            None
        }
    }
}

fn version(table: &Table<'_>) -> Option<Version> {
    if !table.has("mqtt_version") {
        return Some(Version::V4);
    }
    let version = table.whole_or("mqtt_version", 3..=5, "; 3 and 4 are MQTT 3.1.1")?;
    Some(if version == 5 {
        Version::V5
    } else {
        Version::V4
    })
}

/// The outer option is for what is wrong, the inner for what is not there.
fn tls(
    table: &Table<'_>,
    environment: Option<&OfDestination<'_>>,
    is_secret: Option<bool>,
) -> Option<Option<Tls>> {
    let file = |key: &'static str| {
        let given = environment.and_then(|e| e.text(key));
        let in_file = table.text(key).map(str::to_owned);
        given.or(in_file).map(PathBuf::from)
    };
    let (ca, cert, key) = (file("ca_file"), file("cert_file"), file("key_file"));
    let all = [("ca_file", &ca), ("cert_file", &cert), ("key_file", &key)];
    if !is_secret? {
        let stray = all.into_iter().find(|(_, file)| file.is_some());
        if let Some((key, _)) = stray {
            table.problem(key, "is for mqtts://, and url is mqtt://");
        }
        return stray.is_none().then_some(None);
    }
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some(Identity { cert, key }),
        (None, None) => None,
        (cert, _) => {
            let (lacks, has) = match cert {
                Some(_) => ("key_file", "cert_file"),
                None => ("cert_file", "key_file"),
            };
            table.problem(lacks, format!("is missing, and there is a {has}"));
            return None;
        }
    };
    let tls = Tls { ca, identity };
    match tls.load() {
        Ok(_) => Some(Some(tls)),
        Err(unfit) => {
            table.problem(unfit.key, unfit.what);
            None
        }
    }
}

/// Stands for what the certificate files hold now: a renewed one is another.
pub fn files(broker: &Broker) -> u64 {
    let mut hash = DefaultHasher::new();
    let tls = broker.tls.iter();
    let files = tls.flat_map(|tls| {
        let identity = tls.identity.iter();
        let own = identity.flat_map(|own| [&own.cert, &own.key]);
        tls.ca.iter().chain(own)
    });
    for file in files {
        // They were read a moment ago; one that went since is noticed when it is back.
        std::fs::read(file).unwrap_or_default().hash(&mut hash);
    }
    hash.finish()
}

/// Name and password; the password from a file, or (for the destination) the environment.
fn login(table: &Table<'_>, environment: Option<&OfDestination<'_>>) -> Option<(String, Password)> {
    let given = |setting| environment.and_then(|e| e.text(setting));
    let in_file_name = table.text("username").map(str::to_owned);
    let in_file_file = table.text("password_file").map(str::to_owned);
    let username = given("username").or(in_file_name);
    let file = given("password_file").or(in_file_file);
    let password = given("password").or_else(|| {
        let file = file?;
        match std::fs::read_to_string(&file) {
            Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                table.problem("password_file", format!("`{file}`: {error}"));
                None
            }
        }
    });
    match (username, password) {
        (Some(username), Some(password)) => Some((username, Password(password))),
        (Some(username), None) => Some((username, Password(String::new()))),
        (None, Some(_)) => {
            table.problem("username", "is missing, and there is a password");
            None
        }
        (None, None) => None,
    }
}
