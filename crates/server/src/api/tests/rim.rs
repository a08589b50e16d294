//! What every request passes, and what is not the API: the console, the figures.

use super::*;

async fn from_host(world: &World, host: &str) -> Answer {
    let request = Request::get("/api/v1/health").header(header::HOST, host);
    world.ask(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_foreign_host_name_is_refused_on_loopback() {
    let world = World::new();
    assert_eq!(
        from_host(&world, "localhost:8080").await.status,
        StatusCode::OK
    );
    let refused = from_host(&world, "rebound.example:8080").await;
    assert_eq!(refused.refused(403), "foreign_host");
    let open = Api {
        loopback_only: false,
        ..world.api.clone()
    };
    let open = World {
        router: router(open),
        ..World::new()
    };
    assert_eq!(
        from_host(&open, "plant.example").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn another_sites_page_cannot_post() {
    let world = World::new();
    let post = || Request::post("/api/v1/ack");
    let plain = post()
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from("{}"));
    assert_eq!(world.ask(plain.unwrap()).await.refused(415), "not_json");
    let cross = post()
        .header(header::CONTENT_TYPE, "application/json")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from("{}"));
    assert_eq!(world.ask(cross.unwrap()).await.refused(403), "cross_site");
    let large = json!({"comment": "x".repeat(70_000)});
    assert_eq!(
        world.post("/api/v1/ack", &large).await.refused(413),
        "too_large"
    );
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_our_shape() {
    let world = World::new();
    for uri in [
        "/api",
        "/api/v2/x",
        "/api/v1/nothing",
        "/nothing.js",
        "/../etc/passwd",
        "//",
    ] {
        let answer = world.get(uri).await;
        if answer.status != StatusCode::OK {
            assert_eq!(answer.refused(404), "no_such_path", "{uri}");
        }
    }
    let deleted = Request::delete("/api/v1/alarms")
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.ask(deleted).await.refused(405), "method_not_allowed");
    let posted = world.post("/", &json!({})).await;
    assert_eq!(posted.refused(405), "method_not_allowed");
}

#[tokio::test]
async fn the_console_is_served_once_and_then_only_when_it_changed() {
    let world = World::new();
    let page = world.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    let says = |name| page.headers.get(name).unwrap().to_str().unwrap();
    assert!(says(header::CONTENT_TYPE).starts_with("text/html"));
    assert!(says(header::CONTENT_SECURITY_POLICY).contains("default-src 'none'"));
    assert_eq!(says(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    let etag = says(header::ETAG).to_owned();
    let again = Request::get("/")
        .header(header::IF_NONE_MATCH, etag)
        .body(Body::empty());
    let again = world.ask(again.unwrap()).await;
    assert_eq!(
        (again.status, again.text.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
}

#[tokio::test]
async fn requests_are_counted_under_bounded_labels() {
    let world = World::new();
    for uri in [
        "/api/v1/alarms",
        "/api/v1/alarms?limit=0",
        "/api/v1/x1",
        "/api/v1/x2",
        "/p1",
    ] {
        world.get(uri).await;
    }
    let figures = world.get("/metrics").await;
    assert_eq!(figures.headers[header::CACHE_CONTROL], "no-store");
    for line in [
        r#"{route="/api/v1/alarms",status="200"} 1"#,
        r#"{route="/api/v1/alarms",status="400"} 1"#,
        r#"{route="other",status="404"} 2"#,
        r#"{route="page",status="404"} 1"#,
    ] {
        assert!(
            figures.text.contains(line),
            "{line} is not in\n{}",
            figures.text
        );
    }
}

/// Every route, with every kind of rubbish: an answer each time, in our shape.
#[tokio::test]
async fn no_input_makes_a_handler_panic() {
    let world = World::new();
    let rubbish = [
        "%00",
        "%ff",
        "-1",
        "99999999999999999999",
        "a/b/c/d",
        "'%3B--",
        "%F0%9F%94%A5",
        "",
    ];
    for path in [
        "alarms", "events", "points", "current", "gateways", "range", "health",
    ] {
        for value in rubbish {
            for key in [
                "state",
                "limit",
                "after",
                "point",
                "from",
                "to",
                "max",
                "enterprise",
            ] {
                let uri = format!("/api/v1/{path}?{key}={value}&point=a/b/c&from={value}&to=9");
                let answer = world.get(&uri).await;
                if answer.status != StatusCode::OK {
                    let status = answer.status.as_u16();
                    assert!([400, 404].contains(&status), "{uri}: {status}");
                    answer.refused(status);
                }
            }
        }
    }
    for body in ["", "{", "null", "[]", "\u{0}", "{\"by\":{}}"] {
        let request = Request::post("/api/v1/ack")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body));
        assert_eq!(
            world.ask(request.unwrap()).await.refused(400),
            "bad_body",
            "{body}"
        );
    }
}
