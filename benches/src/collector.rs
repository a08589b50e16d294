//! The collector's footprint: 1,000 points at 1 Hz over Modbus TCP.

use std::fmt::Write as _;
use std::future::Ready;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_modbus::prelude::{ExceptionCode, Request, Response};
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};

use crate::machine;
use crate::path::server::{Running, program};
use crate::table::Table;

const POINTS: u16 = 1_000;
const SECONDS: u64 = 30;

#[derive(Clone)]
struct Plc;

impl tokio_modbus::server::Service for Plc {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        std::future::ready(match request {
            Request::ReadHoldingRegisters(first, count) => Ok(Response::ReadHoldingRegisters(
                (first..first + count).map(|at| at % 500).collect(),
            )),
            _ => Err(ExceptionCode::IllegalFunction),
        })
    }
}

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let plc = listener.local_addr()?;
    runtime.spawn(async move {
        let accept = |stream, address| async move {
            accept_tcp_connection(stream, address, |_| Ok(Some(Plc)))
        };
        Server::new(listener)
            .serve(&accept, |error| eprintln!("plc: {error}"))
            .await
    });
    let server = Running::start("")?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("collector.toml");
    std::fs::write(&file, config(dir.path(), plc, server.mqtt))?;
    let mut child = Command::new(program("fenghuo-collector")?)
        .arg("run")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    std::thread::sleep(Duration::from_secs(5));
    let before = machine::cpu_seconds(child.id());
    std::thread::sleep(Duration::from_secs(SECONDS));
    let cpu = (machine::cpu_seconds(child.id()) - before) / SECONDS as f64 * 100.0;
    let resident = machine::resident_mb(child.id());
    child.kill()?;
    child.wait()?;
    table.row(
        "collector, 1,000 points at 1 Hz",
        format!("{resident:.1} MB resident, {cpu:.2} % of a core"),
        "Modbus TCP, delivering to a server, after 35 s",
    );
    Ok(())
}

fn config(dir: &Path, plc: SocketAddr, mqtt: SocketAddr) -> String {
    let mut text = format!(
        "enterprise = \"bench\"\ngateway = \"gw\"\n[spool]\ndir = \"{}\"\nbudget_mb = 64\n\
         [[destination]]\nname = \"server\"\nurl = \"mqtt://{mqtt}\"\n[status]\nlisten = \"127.0.0.1:0\"\n\
         [[modbus]]\nname = \"plc\"\naddress = \"{plc}\"\ntimeout_ms = 1000\ngap_registers = 8\n\
         [[modbus.unit]]\nid = 1\ninterval_ms = 1000\n",
        dir.join("spool").display()
    );
    for at in 0..POINTS {
        // Writing to a String cannot fail.
        write!(
            text,
            "[[modbus.unit.point]]\nkey = \"p{at}\"\ntitle = {{ zh = \"点 {at}\", en = \"point {at}\" }}\n\
             kind = \"level\"\nunit = \"m\"\ntable = \"holding\"\naddress = {}\ntype = \"u16\"\nscale = 0.1\n",
            at
        )
        .unwrap_or_default();
    }
    text
}
