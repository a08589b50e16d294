//! RTU over TCP: replies have no numbers, so whatever does not come alone, whole and in time
//! must cost a value, and never give one.

use super::*;

async fn faulty_rtu(script: Script) -> (usize, Vec<Reason>) {
    let span = Duration::from_millis(2_400);
    let readings = collect_over(Framing::Rtu, vec![unit(1, &FAR)], script, span).await;
    judge(&readings, &FAR)
}

#[tokio::test]
async fn a_plain_device_is_read() {
    let (good, reasons) = faulty_rtu(|_, asked| vec![(0, asked.answer())]).await;
    assert!(good > 40, "{good}");
    assert_eq!(reasons, []);
}

#[tokio::test]
async fn what_comes_late_is_never_the_next_value() {
    let (good, reasons) = faulty_rtu(|number, asked| {
        let wait = if number % 5 == 2 { 90 } else { 0 };
        vec![(wait, asked.answer())]
    })
    .await;
    assert!(good > 2, "{good}");
    assert!(reasons.contains(&Reason::Timeout), "{reasons:?}");
}

/// A serial server that gives the late answer to whoever is connected next.
#[tokio::test]
async fn a_late_answer_on_the_next_connection_is_no_value() {
    static HELD: std::sync::Mutex<Vec<u8>> = std::sync::Mutex::new(Vec::new());
    let (good, reasons) = faulty_rtu(|number, asked| {
        let mut held = HELD.lock().unwrap();
        if number % 5 == 2 {
            *held = asked.answer();
            return vec![(150, Vec::new())];
        }
        let late = std::mem::take(&mut *held);
        vec![(0, [late, asked.answer()].concat())]
    })
    .await;
    assert!(good > 2, "{good}");
    assert!(reasons.contains(&Reason::Timeout), "{reasons:?}");
    assert!(reasons.contains(&Reason::BadReply), "{reasons:?}");
}

#[tokio::test]
async fn no_value_is_invented_without_numbers() {
    let scripts: [(&str, Script); 10] = [
        ("two answers in one packet", |n, asked| {
            let times = if n % 4 == 2 { 2 } else { 1 };
            vec![(0, asked.answer().repeat(times))]
        }),
        (
            "the answer of the one before, and then its own",
            |n, asked| {
                let mut other = asked.clone();
                other.start = 600 - asked.start;
                let before = if n % 4 == 2 {
                    other.answer()
                } else {
                    Vec::new()
                };
                vec![(0, [before, asked.answer()].concat())]
            },
        ),
        ("junk before", |n, asked| {
            let junk = if n % 4 == 2 {
                vec![0xff, 1]
            } else {
                Vec::new()
            };
            vec![(0, [junk, asked.answer()].concat())]
        }),
        ("junk behind", |n, asked| {
            let junk = if n % 4 == 2 { vec![0] } else { Vec::new() };
            vec![(0, [asked.answer(), junk].concat())]
        }),
        ("half the registers", |n, asked| {
            vec![(0, asked.words(if n % 4 == 2 { 0 } else { asked.count }))]
        }),
        ("too many registers", |n, asked| {
            vec![(0, asked.words(asked.count + u16::from(n % 4 == 2)))]
        }),
        ("another unit", |n, asked| {
            let mut other = asked.clone();
            other.head[0] += u8::from(n % 4 == 2);
            vec![(0, other.answer())]
        }),
        ("another function", |n, asked| {
            let mut other = asked.clone();
            other.function += u8::from(n % 4 == 2);
            vec![(0, other.answer())]
        }),
        ("a wrong checksum", |n, asked| {
            let mut answer = asked.answer();
            *answer.last_mut().unwrap() ^= u8::from(n % 4 == 2);
            vec![(0, answer)]
        }),
        ("byte by byte, and the last one missing", |n, asked| {
            let mut answer = asked.answer();
            if n % 4 == 2 {
                answer.pop();
            }
            answer.into_iter().map(|byte| (1, vec![byte])).collect()
        }),
    ];
    for (what, script) in scripts {
        let (good, reasons) = faulty_rtu(script).await;
        // `judge` has compared every value with what its register holds.
        assert!(good > 3, "{what}: {good}");
        assert!(!reasons.is_empty(), "{what}");
        let known = [Reason::BadReply, Reason::Timeout];
        assert!(
            reasons.iter().all(|it| known.contains(it)),
            "{what}: {reasons:?}"
        );
    }
}

#[tokio::test]
async fn a_modem_that_dials_in_is_read_and_may_dial_in_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap();
    let mut called = line(String::new(), vec![unit(1, &FAR)]);
    called.way.port = Port::DialIn(DialIn {
        listen: port,
        id: b"DTU-1".to_vec(),
        heartbeat: Some(b"ping".to_vec()),
        framing: Framing::Rtu,
    });
    let exchange = Arc::new(dial_in::Exchange::default());
    called.way.caller = Some(exchange.expect(b"DTU-1"));
    let serving = tokio::spawn(exchange.serve(listener));
    let modem = tokio::spawn(async move {
        let mut forgotten = Vec::new();
        loop {
            let mut stream = TcpStream::connect(port).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream.write_all(b"DTU-1\r\n").await.unwrap();
            for _ in 0..8 {
                let Some(asked) = ask(&mut stream, Framing::Rtu).await else {
                    break;
                };
                stream.write_all(&asked.answer()).await.unwrap();
                // It says that it is there when the line is idle.
                let mut one = [0];
                let next = stream.peek(&mut one);
                if tokio::time::timeout(Duration::from_millis(4), next)
                    .await
                    .is_err()
                {
                    stream.write_all(b"ping").await.unwrap();
                }
            }
            // The network has forgotten this one; nobody is told.
            forgotten.push(stream);
        }
    });
    let readings = collect_from(called, Duration::from_millis(1_500)).await;
    serving.abort();
    modem.abort();
    let (good, reasons) = judge(&readings, &FAR);
    assert!(good > 20, "{good} {reasons:?}");
    let known = [Reason::NotConnected, Reason::Timeout, Reason::BadReply];
    assert!(reasons.iter().all(|it| known.contains(it)), "{reasons:?}");
}

/// A modem takes long to dial in anew, and meanwhile everything behind it is dark.
#[tokio::test]
async fn a_lost_reply_costs_no_call_and_a_dead_call_ends() {
    for framing in [Framing::Rtu, Framing::Tcp] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap();
        let mut called = line(String::new(), vec![unit(1, &FAR), unit(2, &FAR)]);
        called.way.port = Port::DialIn(DialIn {
            listen: port,
            id: b"DTU-1".to_vec(),
            heartbeat: None,
            framing,
        });
        let exchange = Arc::new(dial_in::Exchange::default());
        called.way.caller = Some(exchange.expect(b"DTU-1"));
        let serving = tokio::spawn(exchange.serve(listener));
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        let calls = heard.clone();
        let modem = tokio::spawn(async move {
            loop {
                let mut stream = TcpStream::connect(port).await.unwrap();
                stream.write_all(b"DTU-1").await.unwrap();
                let mut count = 0;
                while let Some(asked) = ask(&mut stream, framing).await {
                    count += 1;
                    // Each tenth is lost, and nothing comes through after a hundred.
                    if count % 10 != 9 && count <= 100 {
                        stream.write_all(&asked.answer()).await.unwrap();
                    }
                }
                calls.lock().unwrap().push(count);
            }
        });
        let readings = collect_from(called, Duration::from_secs(6)).await;
        serving.abort();
        modem.abort();
        let calls = heard.lock().unwrap();
        assert!(!calls.is_empty(), "{framing:?}: the dead call stands");
        let is_meant = |count: &i32| (101..=104).contains(count);
        let all = calls.iter().all(is_meant);
        assert!(all, "{framing:?}: {calls:?}");
        let (good, reasons) = judge(&readings, &FAR);
        assert!(good > 100, "{framing:?}: {good} {reasons:?}");
    }
}
