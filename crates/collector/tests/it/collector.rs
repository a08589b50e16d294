//! The built binary, run with a configuration of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::broker::free_port;
use crate::server::until;

/// A folder with a configuration and a spool; the process in it may come and go.
pub struct Collector {
    pub dir: TempDir,
    pub status: u16,
    child: Option<Child>,
    /// What stands in the file before what reads.
    head: String,
}

impl Collector {
    /// Writes the configuration: a head of ours, then what reads.
    pub fn new(broker: &str, sources: &str) -> Self {
        let destination = format!("[[destination]]\nname = \"server\"\nurl = \"{broker}\"\n");
        Self::with(&destination, sources)
    }

    /// Writes the configuration with destinations of the test's own.
    pub fn with(destinations: &str, sources: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let status = free_port();
        let spool = dir.path().join("spool");
        let head = format!(
            "enterprise = \"oil\"\ngateway = \"gw1\"\n\
             [spool]\ndir = \"{}\"\nbudget_mb = 64\nflush_ms = 20\n\
             {destinations}[status]\nlisten = \"127.0.0.1:{status}\"\n",
            spool.display()
        );
        let collector = Self {
            dir,
            status,
            child: None,
            head,
        };
        collector.write(sources);
        collector
    }

    /// Writes the configuration anew, with other sources.
    pub fn write(&self, sources: &str) {
        self.write_all(&format!("{}{sources}", self.head));
    }

    /// Writes it with something of its head replaced.
    pub fn write_with(&self, from: &str, to: &str, sources: &str) {
        assert!(self.head.contains(from), "{from}");
        self.write_all(&format!("{}{sources}", self.head.replace(from, to)));
    }

    /// At once, as an editor does: nobody reads half of it.
    fn write_all(&self, text: &str) {
        let new = self.dir.path().join("collector.toml.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    /// Asks it to load its file again; does not wait.
    pub fn hang_up(&mut self) {
        let child = self.child.as_ref().unwrap();
        let asked = Command::new("kill")
            .args(["-HUP", &child.id().to_string()])
            .status();
        assert!(asked.unwrap().success());
    }

    /// Whether the process is there.
    pub fn is_alive(&mut self) -> bool {
        let child = self.child.as_mut().unwrap();
        child.try_wait().unwrap().is_none()
    }

    /// How often it has loaded its file again, and how often it refused to.
    pub fn reloads(&self) -> (i64, i64) {
        let of = |result: &str| {
            let name = format!("fenghuo_collector_config_reloads_total{{result=\"{result}\"}}");
            self.metric(&name).unwrap_or(0)
        };
        (of("done"), of("refused"))
    }

    /// Asks it to load its file again and waits until it has.
    pub async fn reload(&mut self) {
        let (done, refused) = self.reloads();
        self.hang_up();
        until("it is loaded", 20, || self.reloads() != (done, refused)).await;
        assert_eq!(self.reloads(), (done + 1, refused), "{}", self.log());
    }

    /// The same with a file that must not be taken.
    pub async fn reload_in_vain(&mut self) {
        let (done, refused) = self.reloads();
        self.hang_up();
        until("it is refused", 20, || self.reloads() != (done, refused)).await;
        assert_eq!(self.reloads(), (done, refused + 1), "{}", self.log());
    }

    pub fn file(&self) -> PathBuf {
        self.dir.path().join("collector.toml")
    }

    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    pub fn start_with(&mut self, environment: &[(&str, &str)]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fenghuo-collector"));
        command.arg("run").arg(self.file());
        command.envs(environment.iter().copied());
        self.spawn(command);
    }

    /// A file that may not grow costs it an error, not a signal. Returns its process.
    pub fn start_without_signals(&mut self) -> u32 {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" run \"$1\""]);
        command.arg(env!("CARGO_BIN_EXE_fenghuo-collector"));
        command.arg(self.file());
        self.spawn(command)
    }

    fn spawn(&mut self, mut command: Command) -> u32 {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        self.child.insert(child.unwrap()).id()
    }

    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to stop and waits.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let asked = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        assert!(asked.unwrap().success());
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > end {
                child.kill().unwrap();
                panic!("it does not stop: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A page of the status port; empty while nobody listens.
    pub fn page(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.status)) else {
            return String::new();
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// A counter or gauge of the metrics page.
    pub fn metric(&self, name: &str) -> Option<i64> {
        let page = self.page("/metrics");
        let line = page.lines().find(|line| line.starts_with(name))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        if let Some(child) = &mut self.child {
            child.kill().unwrap_or_default();
            child.wait().map(|_| ()).unwrap_or_default();
        }
    }
}

/// A one-shot command of the binary.
pub fn ask(arguments: &[&str], file: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fenghuo-collector"))
        .args(arguments)
        .arg(file)
        .args(more)
        .output()
        .unwrap()
}

/// A PLC line with one 64-bit counter.
pub fn counter(address: &str, interval_ms: u32) -> String {
    format!(
        "[[modbus]]\nname = \"plc1\"\naddress = \"{address}\"\n\
         [[modbus.unit]]\nid = 1\ninterval_ms = {interval_ms}\n\
         [[modbus.unit.point]]\nkey = \"n\"\nkind = \"count\"\n\
         table = \"holding\"\naddress = 100\ntype = \"u64\"\n"
    )
}
