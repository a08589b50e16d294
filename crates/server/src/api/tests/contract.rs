//! The outside contract: the OpenAPI document, pinned. `UPDATE=1` writes it anew.

use super::*;

#[test]
fn the_openapi_document_is_the_one_that_is_kept() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let made = crate::api::openapi() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        made == kept,
        "the API changed; look at it, then run with UPDATE=1"
    );
}

#[tokio::test]
async fn every_path_says_what_it_answers_and_when_it_refuses() {
    let document = World::new().get("/api/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 20);
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let known = operation["responses"].as_object().unwrap();
            assert!(known.contains_key("200"), "{method} {path}");
            let plain = ["/metrics", "/healthz"].contains(&path.as_str());
            assert!(plain || known.contains_key("503"), "{method} {path}");
        }
    }
}
