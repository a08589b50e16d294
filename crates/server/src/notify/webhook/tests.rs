use super::*;

#[test]
fn an_address_that_cannot_be_used_is_refused_by_name() {
    assert!(address("http://127.0.0.1:1/hook?key=1").is_ok());
    assert!(address("https://example.org/").is_ok());
    for (url, wrong) in [
        ("hook", "not one"),
        ("ftp://a/b", "`ftp:`"),
        ("", "not one"),
    ] {
        let error = address(url).unwrap_err().to_string();
        assert!(error.contains(wrong), "{url}: {error}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let config = WebhookConfig {
        name: "duty".to_owned(),
        url: "https://example.org/?key=hidden".to_owned(),
        timeout: Duration::from_secs(1),
        bearer: Some("hidden".to_owned()),
        fault_after: Duration::from_secs(60),
    };
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn an_https_client_can_be_made() {
    client(Duration::from_secs(1)).unwrap();
    assert!(client(Duration::ZERO).is_err());
}
