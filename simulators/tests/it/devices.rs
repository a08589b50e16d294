//! The MQTT face against a broker of a few lines, which cuts its first connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use fenghuo_simulators::image::Image;
use fenghuo_simulators::mqtt_face::{Broker, Devices};
use fenghuo_simulators::plant::PlantKind;
use fenghuo_simulators::rig::Rig;
use fenghuo_simulators::scenario::{Fault, Scenario};
use fenghuo_simulators::stop;
use rumqttc::mqttbytes::v4::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish};
use rumqttc::{Error, QoS};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

const PACKET_MAX: usize = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// The broker's side of one connection.
struct Link {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Link {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let buffer = BytesMut::new();
        let mut link = Self { stream, buffer };
        assert!(matches!(link.next().await, Packet::Connect(_)));
        link.send(Packet::ConnAck(ConnAck {
            session_present: false,
            code: ConnectReturnCode::Success,
        }))
        .await;
        link
    }

    async fn send(&mut self, packet: Packet) {
        let mut out = BytesMut::new();
        packet.write(&mut out, PACKET_MAX).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    async fn next(&mut self) -> Packet {
        loop {
            match Packet::read(&mut self.buffer, PACKET_MAX) {
                Ok(packet) => return packet,
                Err(Error::InsufficientBytes(_)) => {}
                Err(error) => panic!("{error}"),
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            assert!(
                read.unwrap().unwrap() > 0,
                "the devices closed the connection"
            );
        }
    }

    async fn publish(&mut self) -> Publish {
        loop {
            match self.next().await {
                Packet::Publish(publish) => {
                    if publish.qos == QoS::AtLeastOnce {
                        self.send(Packet::PubAck(PubAck::new(publish.pkid))).await;
                    }
                    return publish;
                }
                Packet::PingReq => self.send(Packet::PingResp).await,
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

fn image() -> Image {
    let path = std::path::Path::new("calm");
    let scenario = Scenario::parse(path, "title = \"calm\"\nloop_s = 10").unwrap();
    let mut rig = Rig::new(PlantKind::TankFarm, &scenario, 5);
    assert!(rig.run_to(5.0, 1_000));
    rig.image()
}

#[tokio::test]
async fn devices_publish_come_back_after_a_cut_and_fall_silent_when_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broker = Broker {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
    };
    let mut image = image();
    let truth = image.value("GD-04.h2s").unwrap();
    let (images, newest) = watch::channel(Arc::new(image.clone()));
    let devices = Arc::new(Devices::new(newest, None));
    let (stopper, stop) = stop::pair();
    let running = tokio::spawn({
        let devices = Arc::clone(&devices);
        async move { devices.run(&broker, stop).await }
    });

    let mut link = Link::accept(&listener).await;
    link.publish().await;
    drop(link);

    let mut link = Link::accept(&listener).await;
    let mut said: BTreeMap<String, Publish> = BTreeMap::new();
    while said.len() < 2 {
        let publish = link.publish().await;
        said.insert(publish.topic.clone(), publish);
    }
    let gas2 = &said["plant/tank-farm/device/gas2"];
    assert_eq!(gas2.qos, QoS::AtMostOnce, "no time in it, so never twice");
    let json: Value = serde_json::from_slice(&gas2.payload).unwrap();
    assert!((json["h2s"]["ppm"].as_f64().unwrap() - truth).abs() <= 0.001);
    let gas1 = &said["plant/tank-farm/device/gas1"];
    let json: Value = serde_json::from_slice(&gas1.payload).unwrap();
    assert!(json["ts"].as_u64().unwrap() > 1_700_000_000_000);

    image.faults = vec![Fault::Quiet { device: "gas2" }];
    images.send_replace(Arc::new(image));
    // What was under way may still arrive; then only gas1 speaks.
    let mut in_a_row = 0;
    while in_a_row < 2 {
        let quiet = link.publish().await.topic.ends_with("gas1");
        in_a_row = if quiet { in_a_row + 1 } else { 0 };
    }

    stopper.stop();
    while !matches!(link.next().await, Packet::Disconnect) {}
    timeout(PATIENCE, running).await.unwrap().unwrap();
}
