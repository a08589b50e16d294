use super::*;

fn gateway() -> Party {
    Party::Gateway("oil/gw1".parse().unwrap())
}

#[test]
fn a_gateway_speaks_on_its_own_channels_only() {
    for channel in ["hello", "catalog", "data", "state"] {
        let topic = format!("fenghuo/1/oil/gw1/{channel}");
        let ours = Publication::Ours(Topic::parse(&topic).unwrap());
        assert_eq!(gateway().publication(&topic, 10), ours);
        assert_eq!(Party::Anyone.publication(&topic, 10), ours);
        assert_eq!(Party::Device.publication(&topic, 10), Publication::Refused);
    }
    for topic in [
        "fenghuo/1/oil/gw1/receipt",
        "fenghuo/1/oil/gw2/data",
        "fenghuo/1/coal/gw1/data",
        "fenghuo/2/oil/gw1/data",
        "fenghuo/1/oil/gw1/data/x",
        "fenghuo",
        "fenghuo/",
        "plant/x",
        "",
    ] {
        let refused = gateway().publication(topic, 10);
        assert_eq!(refused, Publication::Refused, "{topic}");
    }
}

#[test]
fn plain_topics_are_for_devices_and_have_no_wildcards() {
    for party in [Party::Device, Party::Anyone] {
        for topic in ["plant/tank/1", "Fenghuo/x", "fenghuo1/x", "/x", "灯/x"] {
            assert_eq!(party.publication(topic, 0), Publication::Plain, "{topic}");
        }
        let long = "x".repeat(TOPIC_BYTES_MAX + 1);
        for topic in [
            "",
            "plant/+",
            "plant/#",
            "a\0b",
            "$SYS/x",
            "$share/g/x",
            "fenghuo",
            "fenghuo/x",
            "fenghuo/1/oil/gw1/receipt",
            "fenghuo/1/+/gw1/data",
            &long,
        ] {
            let refused = party.publication(topic, 0);
            assert_eq!(refused, Publication::Refused, "{topic}");
        }
    }
}

#[test]
fn a_payload_over_the_limit_is_refused() {
    let over = PAYLOAD_BYTES_MAX + 1;
    let data = "fenghuo/1/oil/gw1/data";
    assert_ne!(gateway().publication(data, over - 1), Publication::Oversize);
    assert_eq!(gateway().publication(data, over), Publication::Oversize);
    assert_eq!(
        Party::Device.publication("plant/x", over),
        Publication::Oversize
    );
}

#[test]
fn subscriptions_reach_the_own_receipt_or_plain_topics() {
    assert!(gateway().may_subscribe("fenghuo/1/oil/gw1/receipt"));
    assert!(Party::Anyone.may_subscribe("fenghuo/1/oil/gw1/receipt"));
    for filter in [
        "fenghuo/1/oil/gw2/receipt",
        "fenghuo/1/oil/gw1/data",
        "fenghuo/1/oil/gw1/#",
        "plant/#",
        "#",
    ] {
        assert!(!gateway().may_subscribe(filter), "{filter}");
    }
    for filter in ["plant/#", "plant/+/x", "plant/tank"] {
        assert!(Party::Device.may_subscribe(filter), "{filter}");
    }
    for filter in [
        "#",
        "+/1/oil/gw1/receipt",
        "fenghuo/#",
        "fenghuo/1/+/+/data",
        "fenghuo/1/+/+/receipt",
        "fenghuo/1/oil/gw1/data",
        "$share/g/fenghuo/#",
        "$SYS/#",
        "",
    ] {
        assert!(!Party::Device.may_subscribe(filter), "{filter}");
        assert!(!Party::Anyone.may_subscribe(filter), "{filter}");
    }
}

#[test]
fn a_will_is_state_or_plain() {
    assert!(gateway().may_leave_will("fenghuo/1/oil/gw1/state", 9));
    assert!(!gateway().may_leave_will("fenghuo/1/oil/gw1/data", 9));
    assert!(!gateway().may_leave_will("fenghuo/1/oil/gw2/state", 9));
    assert!(!gateway().may_leave_will("plant/x", 9));
    assert!(Party::Device.may_leave_will("plant/x", 9));
}

#[test]
fn a_name_needs_its_password_and_no_name_needs_leave() {
    let user = User {
        name: "gw".to_owned(),
        password: Password::new("pw"),
        scope: Scope::Device,
    };
    let closed = Users::new(vec![user.clone()], false);
    assert_eq!(closed.login(Some("gw"), b"pw"), Ok(&Party::Device));
    assert_eq!(closed.login(Some("gw"), b""), Err(Denied::BadLogin));
    assert_eq!(closed.login(Some("other"), b"pw"), Err(Denied::BadLogin));
    assert_eq!(closed.login(None, b"pw"), Err(Denied::NoName));
    let open = Users::new(vec![user], true);
    assert_eq!(open.login(None, b""), Ok(&Party::Anyone));
    assert_eq!(open.login(Some("other"), b""), Err(Denied::BadLogin));
}
