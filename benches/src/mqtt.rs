//! How many MQTT messages a second the collector takes from mosquitto to its spool.
//!
//! The publisher writes ready-made packets of quality 0 as fast as the broker reads them, so
//! what the broker drops for want of room is not counted: only what the collector has read.
//! Publisher, broker and collector share the machine, so the figure to compare is messages
//! per second of the collector's own CPU.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::collector::running::{Collector, Ended};
use crate::machine;
use crate::path::server::free;
use crate::table::Table;

const TOPICS: usize = 100;
const SECONDS: u64 = 10;
/// Packets in one write.
const TOGETHER: usize = 1_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    for version in [4, 5] {
        let (rate, cores, resident) = one(version)?;
        let name = if version == 4 { "3.1.1" } else { "5" };
        table.row(
            &format!("collector, MQTT {name} JSON messages"),
            format!(
                "{:.1} k messages/s a core; {resident:.1} MB resident",
                rate / cores / 1e3
            ),
            &format!(
                "{TOPICS} topics, 2 points and a time each, mosquitto, into the spool; \
                 {:.1} k/s with {cores:.2} cores",
                rate / 1e3
            ),
        );
    }
    Ok(())
}

/// Messages a second, the cores that the collector used for them, and its memory.
fn one(version: u8) -> anyhow::Result<(f64, f64, f64)> {
    let dir = tempfile::tempdir()?;
    let (broker, status, nobody) = (free()?, free()?, free()?);
    let _mosquitto = mosquitto(dir.path(), broker)?;
    let file = dir.path().join("collector.toml");
    std::fs::write(&file, config(dir.path(), broker, status, nobody, version))?;
    let collector = Collector::start(&file, status, None)?;
    let begun = Instant::now();
    while collector.counted()?.sum("source_connected") != 1.0 {
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(20), "no connection");
        std::thread::sleep(Duration::from_millis(50));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let publisher = std::thread::spawn(move || publish(broker, &stopped));
    std::thread::sleep(Duration::from_secs(1));
    let (before, cpu, begun) = (
        collector.counted()?,
        collector.cpu_seconds(),
        Instant::now(),
    );
    std::thread::sleep(Duration::from_secs(SECONDS));
    let (after, took) = (collector.counted()?, begun.elapsed().as_secs_f64());
    let cpu = collector.cpu_seconds() - cpu;
    let resident = machine::resident_mb(collector.pid());
    let more = |name: &str| after.sum(name) - before.sum(name);
    let good = more("samples_total{quality=\"good\"");
    let messages = more("reads_total{result=\"answered\"");
    let dropped = after.sum("readings_dropped_total");
    stop.store(true, Ordering::Relaxed);
    publisher
        .join()
        .map_err(|_| anyhow::anyhow!("the publisher panicked"))??;
    anyhow::ensure!(dropped == 0.0, "{dropped} readings were dropped");
    // Two points a message; the counters are read one after the other, while it goes on.
    anyhow::ensure!(
        good > messages * 1.9,
        "{good} good samples of {messages} messages"
    );
    Ok((messages / took, cpu / took, resident))
}

fn mosquitto(dir: &std::path::Path, broker: std::net::SocketAddr) -> anyhow::Result<Ended> {
    let file = dir.join("mosquitto.conf");
    let text = format!(
        "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n\
         max_queued_messages 10000\n",
        broker.port()
    );
    std::fs::write(&file, text)?;
    let mosquitto = Command::new("mosquitto")
        .env("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin")
        .arg("-c")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Ended(mosquitto))
}

/// Writes packets of version 3.1.1 until told to stop.
fn publish(broker: SocketAddr, stop: &AtomicBool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(broker)?;
    let mut connect = vec![0x10, 17, 0, 4];
    connect.extend_from_slice(b"MQTT\x04\x02\x00\x00\x00\x05bench");
    stream.write_all(&connect)?;
    stream.read_exact(&mut [0; 4])?;
    let mut at: usize = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut packets = Vec::new();
        for _ in 0..TOGETHER {
            at += 1;
            let topic = format!("plant/{}/gas", at % TOPICS);
            let payload = format!(
                "{{\"ts\":{},\"values\":{{\"lel\":{}.5,\"h2s\":0.{}}}}}",
                1_795_392_000_000_u64 + at as u64,
                at % 90,
                at % 7
            );
            packets.push(0x30);
            packets.push(u8::try_from(2 + topic.len() + payload.len()).unwrap_or(u8::MAX));
            packets.push(0);
            packets.push(u8::try_from(topic.len()).unwrap_or(u8::MAX));
            packets.extend_from_slice(topic.as_bytes());
            packets.extend_from_slice(payload.as_bytes());
        }
        stream.write_all(&packets)?;
    }
    Ok(())
}

fn config(
    dir: &Path,
    broker: SocketAddr,
    status: SocketAddr,
    nobody: SocketAddr,
    version: u8,
) -> String {
    let mut text = format!(
        "enterprise = \"bench\"\ngateway = \"gw\"\n[spool]\ndir = \"{}\"\nbudget_mb = 256\n\
         [[destination]]\nname = \"server\"\nurl = \"mqtt://{nobody}\"\n\
         [status]\nlisten = \"{status}\"\n\
         [[mqtt]]\nname = \"devices\"\nurl = \"mqtt://{broker}\"\nmqtt_version = {version}\n\
         [[mqtt.topic]]\nfilter = \"plant/+/gas\"\ntime = {{ pointer = \"/ts\", format = \"ms\" }}\n\
         parts = [",
        dir.join("spool").display()
    );
    for at in 0..TOPICS {
        // Writing to a String cannot fail.
        write!(text, "\"{at}\",").unwrap_or_default();
    }
    text.push_str("]\n");
    for name in ["lel", "h2s"] {
        write!(
            text,
            "[[mqtt.topic.point]]\nkey = \"g{{1}}.{name}\"\nkind = \"concentration\"\n\
             type = \"f64\"\npointer = \"/values/{name}\"\n"
        )
        .unwrap_or_default();
    }
    text
}
