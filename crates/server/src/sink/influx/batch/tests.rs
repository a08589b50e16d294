use super::*;
use fenghuo_model::{Reading, Reason, Timestamp};

fn row(point: &str, time: i64, seq: u64, reading: Reading) -> Row {
    let gateway = GatewayKey::new("plant", "gw").unwrap();
    let key = PointKey::new(point).unwrap();
    Row {
        series: prefix(
            &gateway,
            &key,
            Kind::Temperature,
            Unit::parse("°C").unwrap(),
        ),
        id: SampleId {
            epoch: 1,
            seq,
            index: 0,
        },
        sample: Sample {
            time: Timestamp::from_millis(time),
            reading,
        },
    }
}

fn text(rows: Vec<Row>) -> String {
    let bodies = bodies(rows);
    bodies
        .iter()
        .map(|body| std::str::from_utf8(body).unwrap())
        .collect()
}

#[test]
fn every_type_has_fields_of_its_own() {
    let values = [
        ("a", Value::F64(-1.5)),
        ("b", Value::I64(i64::MAX)),
        ("c", Value::U64(3)),
        ("d", Value::Bool(true)),
        ("e", Value::Text("run \"1\"".to_owned())),
    ];
    let rows = values
        .into_iter()
        .map(|(point, value)| row(point, 7, 1, Reading::Good(value)));
    let tags = "sample,enterprise=plant,gateway=gw,kind=temperature,point";
    let expected = [
        "a,unit=°C value=-1.5,quality=\"good\" 7",
        "b,unit=°C value=9.223372036854776e18,int=9223372036854775807i,quality=\"good\" 7",
        "c,unit=°C value=3.0,uint=3u,quality=\"good\" 7",
        "d,unit=°C value=1.0,state=true,quality=\"good\" 7",
        "e,unit=°C text=\"run \\\"1\\\"\",quality=\"good\" 7",
    ];
    let text = text(rows.collect());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines, expected.map(|line| format!("{tags}={line}")));
}

#[test]
fn a_bad_sample_has_no_number() {
    let bad = text(vec![row("a", 7, 1, Reading::Bad(Reason::Timeout))]);
    assert!(
        bad.ends_with(" quality=\"bad\",reason=\"timeout\" 7\n"),
        "{bad}"
    );
    let doubtful = Reading::Uncertain(Value::F64(2.0), Reason::Clock);
    let doubtful = text(vec![row("a", 7, 1, doubtful)]);
    assert!(doubtful.ends_with(" value=2.0,quality=\"uncertain\",reason=\"clock\" 7\n"));
}

#[test]
fn the_last_of_a_millisecond_is_written() {
    let good = |number| Reading::Good(Value::F64(number));
    let rows = vec![
        row("a", 7, 3, good(3.0)),
        row("a", 8, 1, good(9.0)),
        row("a", 7, 2, good(2.0)),
        row("b", 7, 1, good(1.0)),
    ];
    let text = text(rows);
    assert_eq!(text.lines().count(), 3);
    assert!(text.contains("point=a,unit=°C value=3.0,quality=\"good\" 7\n"));
}

#[test]
fn bodies_are_bounded_and_whole() {
    let rows = (0..12_000)
        .map(|at| row("a", at, 1, Reading::Bad(Reason::Stale)))
        .collect();
    let bodies = bodies(rows);
    assert_eq!(
        bodies.iter().map(|body| lines(body)).collect::<Vec<_>>(),
        [5_000, 5_000, 2_000]
    );
    let long = "x".repeat(900);
    let rows = (0..5_000).map(|at| row("a", at, 1, Reading::Good(Value::Text(long.clone()))));
    let bodies = super::bodies(rows.collect());
    assert!(bodies.len() > 1);
    assert!(
        bodies
            .iter()
            .all(|body| body.len() < BODY_BYTES_MAX + 2_048)
    );
    assert!(bodies.iter().all(|body| body.ends_with(b"\n")));
}

#[test]
fn halves_part_between_lines_down_to_one() {
    let whole = Bytes::from_static(b"a 1\nbbbbbbbbbbbb 2\nc 3\n");
    let mut parts = vec![whole.clone()];
    let mut singles = Vec::new();
    while let Some(part) = parts.pop() {
        match halves(&part) {
            Some((first, second)) => parts.extend([second, first]),
            None => singles.push(part),
        }
    }
    assert_eq!(singles, ["a 1\n", "bbbbbbbbbbbb 2\n", "c 3\n"]);
    assert_eq!(halves(&Bytes::new()), None);
}
