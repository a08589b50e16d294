//! One value over a modem's line: the modem calls when it likes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_modem_is_waited_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("collector.toml");
    let text = format!(
        "enterprise = \"e\"\ngateway = \"g\"\n[spool]\ndir = \"spool\"\n\
         [[destination]]\nname = \"server\"\nurl = \"mqtt://127.0.0.1:1883\"\n\
         [[modbus]]\nname = \"dtu\"\ntransport = \"dial_in\"\nlisten = \"{listen}\"\n\
         register = \"DTU-7\"\nframing = \"tcp\"\ntimeout_ms = 500\n\
         [[modbus.unit]]\nid = 1\n[[modbus.unit.point]]\nkey = \"x\"\nkind = \"other\"\n\
         table = \"holding\"\naddress = 3\ntype = \"u16\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let modem = tokio::spawn(async move {
        // Longer than a time-out.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let mut stream = TcpStream::connect(listen).await.unwrap();
        stream.write_all(b"DTU-7").await.unwrap();
        let mut request = [0; 12];
        stream.read_exact(&mut request).await.unwrap();
        let reply = [&request[..4], &[0, 5, 1, 3, 2, 0, 42]].concat();
        stream.write_all(&reply).await.unwrap();
        stream
    });
    let said = super::read(&file, "x").await.unwrap();
    assert!(said.contains("value 42"), "{said}");
    modem.await.unwrap();
}
