//! The other sides: a scripted HTTP server, and VictoriaMetrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Longest time that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(
            started.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// How a request is answered; `None` never answers.
pub type Script = Box<dyn Fn(usize, &Request) -> Option<Response> + Send + Sync>;

pub fn status(code: u16) -> Option<Response> {
    Some(StatusCode::from_u16(code).unwrap().into_response())
}

/// An HTTP server that keeps what it was sent.
pub struct Scripted {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Scripted {
    pub async fn start(script: Script) -> Self {
        Self::start_at(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    pub fn start_at(listener: TcpListener, script: Script) -> Self {
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (kept, script) = (requests.clone(), Arc::new(script));
        let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let request = Request {
                at: Instant::now(),
                uri,
                headers,
                body,
            };
            let answer = {
                let mut kept = kept.lock().unwrap();
                let answer = script(kept.len(), &request);
                kept.push(request);
                answer
            };
            async move {
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            requests,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?key=secret", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port that nobody has now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A series: its labels, and its values by time.
pub type Series = BTreeMap<BTreeMap<String, String>, BTreeMap<i64, f64>>;

/// Debian's VictoriaMetrics.
pub struct Victoria {
    child: Child,
    client: reqwest::Client,
    pub port: u16,
}

impl Victoria {
    pub async fn start(dir: &Path, port: u16) -> Self {
        let child = Command::new("victoria-metrics")
            .args(["-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y"])
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg(format!("-storageDataPath={}", dir.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("victoria-metrics is missing: apt-get install victoria-metrics");
        // Another test of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::new();
        let victoria = Self {
            child,
            client,
            port,
        };
        until("victoria-metrics answers", async || {
            victoria.get("/health").await.is_ok()
        })
        .await;
        victoria
    }

    async fn get(&self, path: &str) -> reqwest::Result<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        self.client
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await
    }

    /// Lines that it could not read, since it started.
    pub async fn invalid_rows(&self) -> u64 {
        let metrics = self.get("/metrics").await.unwrap();
        let rows = metrics
            .lines()
            .filter(|line| line.starts_with("vm_rows_invalid_total") && line.contains("influx"));
        rows.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// Every series whose name begins with `name`, whole.
    pub async fn export(&self, name: &str) -> Series {
        self.get("/internal/force_flush").await.unwrap();
        let path = format!(
            "/api/v1/export?match[]=%7B__name__%3D~%22{name}.*%22%7D&start=0&end=4398046511"
        );
        let mut all = Series::new();
        for line in self.get(&path).await.unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let labels = serde_json::from_value(line["metric"].clone()).unwrap();
            let values: Vec<f64> = serde_json::from_value(line["values"].clone()).unwrap();
            let times: Vec<i64> = serde_json::from_value(line["timestamps"].clone()).unwrap();
            let series: &mut BTreeMap<i64, f64> = all.entry(labels).or_default();
            for (time, value) in times.into_iter().zip(values) {
                assert_eq!(series.insert(time, value), None, "twice at {time}");
            }
        }
        all
    }
}

impl Drop for Victoria {
    /// By SIGTERM: killed, it would lose what it took in the last seconds.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill")
            .arg(pid)
            .status()
            .is_ok_and(|status| status.success());
        if !told {
            self.child.kill().unwrap();
        }
        self.child.wait().unwrap();
    }
}
