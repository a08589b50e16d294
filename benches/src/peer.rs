//! A peer in the same run: VictoriaMetrics takes the same shape of data by line protocol.
//!
//! It is another kind of thing (a network database that syncs when it likes, not a log that
//! is on disk when it answers); its figure says what the machine gives today.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::data::{BEGIN, wander};
use crate::machine;
use crate::table::{Table, rate};

const LINES: usize = 10_000;
const ROUNDS: usize = 200;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let started = Command::new("victoria-metrics")
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-storageDataPath={}", dir.path().display()))
        .args(["-retentionPeriod=100y", "-loggerLevel=ERROR"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        println!("victoria-metrics is not installed: no peer in this run");
        return Ok(());
    };
    let measured = measure(port, child.id());
    child.kill()?;
    child.wait()?;
    let (seconds, cpu) = measured?;
    table.row(
        "peer: VictoriaMetrics, line protocol over HTTP",
        rate((LINES * ROUNDS) as f64, seconds),
        &format!("2 M samples, its CPU {cpu:.1} s, until it answers 204"),
    );
    Ok(())
}

fn measure(port: u16, pid: u32) -> anyhow::Result<(f64, f64)> {
    let mut stream = connect(port)?;
    let bodies: Vec<String> = (0..ROUNDS).map(body).collect();
    let begun = Instant::now();
    for body in &bodies {
        let head = format!(
            "POST /write?precision=ms HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = [0; 4_096];
        let length = stream.read(&mut answer)?;
        anyhow::ensure!(answer[..length].starts_with(b"HTTP/1.1 204"), "not taken");
    }
    Ok((begun.elapsed().as_secs_f64(), machine::cpu_seconds(pid)))
}

fn connect(port: u16) -> anyhow::Result<TcpStream> {
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            return Ok(stream);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("victoria-metrics does not answer")
}

fn body(round: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(LINES * 64);
    for at in 0..LINES {
        let (point, step) = (at % 2_000, round * 5 + at / 2_000);
        let time = BEGIN + step as i64 * 20_000;
        // Writing to a String cannot fail.
        writeln!(
            text,
            "sample,gateway=gw,point=s{point} value={} {time}",
            wander(point, step)
        )
        .unwrap_or_default();
    }
    text
}
