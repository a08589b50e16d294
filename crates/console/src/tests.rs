use super::*;

#[test]
fn the_empty_path_is_the_page_in_both_languages() {
    let page = asset("").unwrap();
    assert_eq!(page.mime, "text/html; charset=utf-8");
    assert_eq!(page.cache_control, ASK_AGAIN);
    let text = std::str::from_utf8(&page.body).unwrap();
    assert!(text.contains("烽火") && text.contains("Fenghuo"), "{text}");
    assert_eq!(asset(INDEX).unwrap().etag, page.etag);
}

#[test]
fn what_is_not_there_is_none() {
    for path in [
        "/",
        "/index.html",
        "../index.html",
        "assets",
        "assets/",
        "no.js",
        "index.html/",
    ] {
        assert!(asset(path).is_none(), "{path}");
    }
}

#[test]
fn every_path_has_a_type_an_etag_and_a_cache_rule() {
    let mut seen = 0;
    for path in paths() {
        let asset = asset(&path).unwrap();
        assert!(!asset.body.is_empty(), "{path}");
        assert_ne!(asset.mime, "application/octet-stream", "{path}");
        assert_eq!(asset.etag.len(), 2 * ETAG_BYTES + 2, "{path}");
        assert_eq!(
            asset.cache_control == KEEP,
            path.starts_with(HASHED),
            "{path}"
        );
        seen += 1;
    }
    assert!(seen >= 1);
}

#[test]
fn the_page_names_only_files_that_are_embedded() {
    let page = asset("").unwrap();
    let text = std::str::from_utf8(&page.body).unwrap();
    for part in text.split("\"./").skip(1) {
        let path = part.split('"').next().unwrap();
        assert!(asset(path).is_some(), "{path}");
    }
    assert!(
        !text.contains("http://") && !text.contains("https://"),
        "nothing from outside"
    );
}

#[test]
fn equal_bytes_have_equal_etags() {
    assert_eq!(asset("").unwrap().etag, asset("").unwrap().etag);
}
