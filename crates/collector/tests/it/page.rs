//! The status page, and those who only connect to it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::broker::free_port;
use crate::collector::{Collector, counter};
use crate::server::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_clients_take_few_files_and_not_for_long() {
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let source = counter(&format!("127.0.0.1:{}", free_port()), 1_000);
    let mut collector = Collector::new(&nobody, &source);
    let pid = collector.start_without_signals();
    until("it answers", 20, || !collector.page("/healthz").is_empty()).await;
    let files = || {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count()
    };
    let before = files();
    let address = ("127.0.0.1", collector.status);
    let idle: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let held = files() - before;
    assert!((1..=70).contains(&held), "{held} files");
    // It stands behind the idle ones, and has its turn when they have had theirs.
    let page = collector.page("/healthz");
    assert!(page.starts_with("HTTP/1.1 "), "{page}");
    drop(idle);
    assert!(collector.stop().success());
}

/// They are never idle, and never done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_say_a_letter_a_second_do_not_hold_the_page() {
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let source = counter(&format!("127.0.0.1:{}", free_port()), 1_000);
    let mut collector = Collector::new(&nobody, &source);
    collector.start();
    until("it answers", 20, || !collector.page("/healthz").is_empty()).await;
    let address = ("127.0.0.1", collector.status);
    let clients: Vec<_> = (0..70)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    std::thread::spawn(move || {
        for letter in format!("GET /healthz HTTP/1.1\r\nX: {}", "a".repeat(60)).bytes() {
            for mut client in &clients {
                // Whoever was hung up on is done.
                client.write_all(&[letter]).unwrap_or_default();
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    // It stands behind them.
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(40)))
        .unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    let read = stream.read_to_string(&mut page);
    assert!(
        read.is_ok() && page.starts_with("HTTP/1.1 "),
        "{read:?} {page}"
    );
    assert!(collector.stop().success());
}
