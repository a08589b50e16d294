//! TLS to a broker: whom to trust, and who we are. Files are PEM.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::Trouble;

/// What TLS to a broker needs. Without `ca` the machine's own authorities are trusted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tls {
    /// The authorities that may have signed the broker's certificate.
    pub ca: Option<PathBuf>,
    /// Our certificate, with what is between it and its authority.
    pub identity: Option<Identity>,
}

/// Who we are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A file that does not serve, by the key that names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// `ca_file`, `cert_file` or `key_file`.
    pub key: &'static str,
    /// Why.
    pub what: String,
}

impl From<Unfit> for Trouble {
    fn from(unfit: Unfit) -> Self {
        let Unfit { key, what } = unfit;
        Self::new(format!("{key} 不可用：{what}"), format!("{key}: {what}"))
    }
}

impl Tls {
    /// The library's settings, out of the files as they are now.
    ///
    /// # Errors
    /// The file that cannot be read, or holds something else.
    pub fn load(&self) -> Result<Arc<ClientConfig>, Unfit> {
        let unfit = |key, what: String| Unfit { key, what };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unfit("ca_file", error.to_string()))?
            .with_root_certificates(self.roots()?);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { cert, key }) => {
                let certs = certificates(cert, "cert_file")?;
                let name = key.display();
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unfit("key_file", format!("`{name}`: {error}")))?;
                let builder = builder.with_client_auth_cert(certs, key);
                builder.map_err(|error| unfit("key_file", format!("`{name}`: {error}")))?
            }
        };
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, Unfit> {
        let mut roots = RootCertStore::empty();
        let (found, from) = match &self.ca {
            Some(path) => (
                certificates(path, "ca_file")?,
                format!("`{}`", path.display()),
            ),
            None => (
                rustls_native_certs::load_native_certs().certs,
                "the machine's store".to_owned(),
            ),
        };
        roots.add_parsable_certificates(found);
        if roots.is_empty() {
            return Err(Unfit {
                key: "ca_file",
                what: format!("{from} holds no authority's certificate"),
            });
        }
        Ok(roots)
    }
}

fn certificates(path: &Path, key: &'static str) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    let unfit = |what: &dyn std::fmt::Display| Unfit {
        key,
        what: format!("`{}`: {what}", path.display()),
    };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unfit(&error))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|e| unfit(&e))?;
    if found.is_empty() {
        return Err(unfit(&"holds no certificate"));
    }
    Ok(found)
}
