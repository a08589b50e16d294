//! Certificates, logins and MQTT 5 against Debian's mosquitto: what is right gets through, and
//! what is wrong is said so that a person can put it right.

use std::path::Path;
use std::process::Command;

use fenghuo_model::{Reading, Value};

use crate::broker::{Broker, free_port, say};
use crate::certificates::{Authority, Signed};
use crate::collector::Collector;
use crate::server::{Server, until};

/// A broker with an open port, and one that wants TLS, a client certificate and a login.
struct Guarded {
    broker: Broker,
    port: u16,
    authority: Authority,
    client: Signed,
    password: std::path::PathBuf,
}

fn guarded(has_expired: bool) -> Guarded {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let authority = Authority::new(path, "authority");
    let server = authority.sign(path, "broker", "127.0.0.1", has_expired);
    let client = authority.sign(path, "gw1", "gw1", false);
    let (users, password) = (path.join("users"), path.join("password"));
    std::fs::write(&password, "secret\n").unwrap();
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&users)
        .args(["plant", "secret"])
        .status();
    assert!(
        made.expect("mosquitto_passwd comes with mosquitto")
            .success()
    );
    let port = free_port();
    let more = format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\n\
         cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        users.display(),
        authority.file.display(),
        server.cert.display(),
        server.key.display(),
    );
    Guarded {
        broker: Broker::with(dir, &more),
        port,
        authority,
        client,
        password,
    }
}

impl Guarded {
    fn keys(&self, ca: &Path, with_client: bool) -> String {
        let mut keys = format!(
            "mqtt_version = 5\nca_file = \"{}\"\nusername = \"plant\"\npassword_file = \"{}\"\n",
            ca.display(),
            self.password.display()
        );
        if with_client {
            let Signed { cert, key } = &self.client;
            keys += &format!(
                "cert_file = \"{}\"\nkey_file = \"{}\"\n",
                cert.display(),
                key.display()
            );
        }
        keys
    }

    fn source(&self, keys: &str) -> String {
        format!(
            "[[mqtt]]\nname = \"devices\"\nurl = \"mqtts://127.0.0.1:{}\"\n{keys}\
             [[mqtt.topic]]\nfilter = \"a\"\npayload = \"text\"\n\
             [[mqtt.topic.point]]\nkey = \"a\"\nkind = \"level\"\nunit = \"m\"\ntype = \"f64\"\n",
            self.port
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn source_and_destination_speak_mqtt_5_over_tls_with_certificates() {
    let guarded = guarded(false);
    let keys = guarded.keys(&guarded.authority.file, true);
    let server = Server::start(guarded.broker.port);
    let url = format!("mqtts://127.0.0.1:{}", guarded.port);
    let mut collector = Collector::new(&url, &guarded.source(&keys));
    // The destination's keys follow its url.
    let text = std::fs::read_to_string(collector.file()).unwrap();
    let text = text.replacen("[status]", &format!("{keys}[status]"), 1);
    std::fs::write(collector.file(), text).unwrap();
    collector.start();
    until("connected", 20, || {
        collector.metric("fenghuo_collector_source_connected{source=\"devices\"}") == Some(1)
    })
    .await;
    say(guarded.broker.port, "a", "4.5");
    until("the value has come", 20, || {
        let samples = server.samples().remove("a").unwrap_or_default();
        samples == [Reading::Good(Value::F64(4.5))]
    })
    .await;
    assert!(collector.stop().success());
}

/// Runs a collector until its health page says why it is not connected.
async fn is_said(guarded: &Guarded, keys: &str, en: &str, zh: &str) {
    let mut collector = Collector::new(&guarded.broker.url(), &guarded.source(keys));
    collector.start();
    until(en, 20, || collector.page("/healthz").contains(en)).await;
    assert!(collector.page("/healthz").contains(zh), "{zh}");
    assert!(collector.log().contains(en), "{}", collector.log());
    assert_eq!(
        collector.metric("fenghuo_collector_source_connected{source=\"devices\"}"),
        Some(0)
    );
    assert!(collector.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_certificate_is_said_in_words() {
    let good = guarded(false);
    let stranger = Authority::new(good.broker.dir.path(), "stranger");
    let keys = good.keys(&stranger.file, true);
    let en = "the broker's certificate is not signed by an authority in ca_file";
    is_said(&good, &keys, en, "服务器证书不是由 ca_file 中的 CA 签发的").await;
    let keys = good.keys(&good.authority.file, false);
    let en = "the broker wants a client certificate";
    is_said(&good, &keys, en, "服务器要求客户端证书").await;
    let keys = good
        .keys(&good.authority.file, true)
        .replace("\"plant\"", "\"stranger\"");
    is_said(
        &good,
        &keys,
        "the broker refuses the login",
        "服务器拒绝登录",
    )
    .await;
    let expired = guarded(true);
    let keys = expired.keys(&expired.authority.file, true);
    let en = "the broker's certificate has expired";
    is_said(&expired, &keys, en, "服务器证书已过期").await;
}
