//! Debian's mosquitto on a port of its own, killed and started again at will.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running (or killed) broker. It ends with its value.
pub struct Broker {
    child: Option<Child>,
    pub dir: TempDir,
    pub port: u16,
    /// Further lines of its configuration.
    more: String,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn program() -> PathBuf {
    let known = [
        "/usr/sbin/mosquitto",
        "/usr/bin/mosquitto",
        "/usr/local/sbin/mosquitto",
    ];
    let found = known.iter().map(PathBuf::from).find(|path| path.exists());
    found.expect("mosquitto is missing: apt-get install mosquitto mosquitto-clients")
}

impl Broker {
    pub fn start() -> Self {
        Self::with(tempfile::tempdir().unwrap(), "")
    }

    /// One whose configuration has more lines, which may name files of the folder.
    pub fn with(dir: TempDir, more: &str) -> Self {
        let mut broker = Self {
            child: None,
            dir,
            port: free_port(),
            more: more.to_owned(),
        };
        broker.restart();
        broker
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Kills it with everything that it has not delivered.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn restart(&mut self) {
        self.kill();
        let file = self.dir.path().join("mosquitto.conf");
        let text = format!(
            "per_listener_settings true\nuser root\npersistence false\n\
             max_queued_messages 0\n\
             listener {} 127.0.0.1\nallow_anonymous true\n{}",
            self.port, self.more
        );
        std::fs::write(&file, text).unwrap();
        let child = Command::new(program())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Publishes as a device does.
pub fn say(port: u16, topic: &str, payload: &str) {
    let said = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-t", topic, "-m", payload])
        .status()
        .expect("mosquitto_pub is missing: apt-get install mosquitto-clients");
    assert!(said.success());
}
