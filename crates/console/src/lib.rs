//! The control-room page, embedded: the server answers a browser from here, without files.
//!
//! Limits: the page is what `page/dist` held when the crate was compiled (`make console`); without
//! it a small page says how to build it. Invariants: the same bytes always have the same `etag`; a
//! file under `assets/` carries a hash of its content in its name, so it may be kept for ever.

use std::borrow::Cow;
use std::fmt::Write;

use rust_embed::{EmbeddedFile, RustEmbed};

/// What a browser may load and run on the page: only what comes from its own server.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// For files whose name changes with their content.
const KEEP: &str = "public, max-age=31536000, immutable";
/// For files whose name stays: a browser asks again with the `etag` each time.
const ASK_AGAIN: &str = "no-cache";
/// The folder of files with a hash in their name.
const HASHED: &str = "assets/";
const INDEX: &str = "index.html";
/// Bytes of the content's hash that make the `etag`.
const ETAG_BYTES: usize = 16;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/page"]
struct Page;

/// One file of the page and what its answer's headers say.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The bytes.
    pub body: Cow<'static, [u8]>,
    /// For `Content-Type`.
    pub mime: &'static str,
    /// For `ETag`, with its quotes.
    pub etag: String,
    /// For `Cache-Control`.
    pub cache_control: &'static str,
}

/// The file at a path relative to the page's root, without a leading slash; "" is the page itself.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let path = if path.is_empty() { INDEX } else { path };
    let file = Page::get(path)?;
    Some(Asset {
        mime: mime_of(path),
        etag: etag_of(&file),
        cache_control: if path.starts_with(HASHED) {
            KEEP
        } else {
            ASK_AGAIN
        },
        body: file.data,
    })
}

/// Every path that `asset` knows.
pub fn paths() -> impl Iterator<Item = Cow<'static, str>> {
    Page::iter()
}

fn mime_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn etag_of(file: &EmbeddedFile) -> String {
    let mut etag = String::with_capacity(2 * ETAG_BYTES + 2);
    etag.push('"');
    for byte in file.metadata.sha256_hash().iter().take(ETAG_BYTES) {
        write!(etag, "{byte:02x}").expect("writing to a String cannot fail");
    }
    etag.push('"');
    etag
}

#[cfg(test)]
mod tests;
