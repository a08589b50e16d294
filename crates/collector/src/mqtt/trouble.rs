//! What can go wrong with a broker, in words for the person at the gateway. Pure.

use std::error::Error;
use std::fmt;

use rustls::{AlertDescription, CertificateError};

/// Why there is no connection, in two languages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// As it stands in logs.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl Trouble {
    /// In the words given.
    #[must_use]
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// What the library says, in clearer words where we have them.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| deeper(*error));
        causes
            .find_map(|cause| known(cause.downcast_ref()?))
            .unwrap_or_else(|| Self::new(error.to_string(), error.to_string()))
    }

    /// The broker answered and let nobody in.
    pub(super) fn refused(code: &dyn fmt::Debug, is_login: bool) -> Self {
        if is_login {
            Self::new(
                format!("服务器拒绝登录（{code:?}）：请检查 username 与 password_file"),
                format!(
                    "the broker refuses the login ({code:?}): check username and password_file"
                ),
            )
        } else {
            Self::new(
                format!("服务器拒绝连接（{code:?}）"),
                format!("the broker refuses the connection ({code:?})"),
            )
        }
    }

    /// It took the connection and said nothing.
    #[must_use]
    pub fn mute() -> Self {
        Self::new(
            format!("{} 秒内没有应答", super::CONNECT_SECONDS),
            format!("no answer within {} s", super::CONNECT_SECONDS),
        )
    }
}

/// The next cause. An I/O error hides the error that it was made of behind its own.
fn deeper<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

fn known(error: &rustls::Error) -> Option<Trouble> {
    let said = error.to_string();
    let (zh, en) = match error {
        rustls::Error::InvalidCertificate(why) => of_theirs(why)?,
        rustls::Error::AlertReceived(why) => of_ours(*why)?,
        _ => return None,
    };
    Some(Trouble::new(
        format!("{zh}（{said}）"),
        format!("{en} ({said})"),
    ))
}

/// Why we do not trust the broker.
fn of_theirs(why: &CertificateError) -> Option<(&'static str, &'static str)> {
    Some(match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "服务器证书不是由 ca_file 中的 CA 签发的",
            "the broker's certificate is not signed by an authority in ca_file",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "服务器证书已过期，或网关时钟有误",
            "the broker's certificate has expired, or this clock is wrong",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "服务器证书尚未生效，或网关时钟有误",
            "the broker's certificate is not valid yet, or this clock is wrong",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "服务器证书不属于 url 中的主机名",
            "the broker's certificate is not for the host in url",
        ),
        _ => return None,
    })
}

/// Why the broker does not trust us.
fn of_ours(why: AlertDescription) -> Option<(&'static str, &'static str)> {
    Some(match why {
        // TLS 1.2 has no word of its own for a certificate that is missing.
        AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure => (
            "服务器要求客户端证书：请填写 cert_file 与 key_file",
            "the broker wants a client certificate: give cert_file and key_file",
        ),
        AlertDescription::CertificateExpired => (
            "服务器认为我们的客户端证书已过期",
            "the broker says that our client certificate has expired",
        ),
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => (
            "服务器不接受我们的客户端证书（cert_file）",
            "the broker does not accept our client certificate (cert_file)",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(error: rustls::Error) -> Trouble {
        // As the client library wraps it.
        let io = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        let error = rumqttc::ConnectionError::Tls(rumqttc::TlsError::Io(io));
        Trouble::of(&error)
    }

    #[test]
    fn troubles_with_certificates_say_whose_and_why() {
        let unknown = words(CertificateError::UnknownIssuer.into());
        assert!(unknown.en.contains("not signed by an authority in ca_file"));
        assert!(unknown.zh.contains("不是由 ca_file 中的 CA 签发"));
        let expired = words(CertificateError::Expired.into());
        assert!(expired.en.contains("has expired"), "{expired}");
        let ours = words(rustls::Error::AlertReceived(AlertDescription::UnknownCA));
        assert!(ours.en.contains("our client certificate"), "{ours}");
        let none = words(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired,
        ));
        assert!(none.en.contains("give cert_file and key_file"), "{none}");
    }

    #[test]
    fn other_errors_keep_their_own_words() {
        let io = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "nobody listens");
        let said = Trouble::of(&rumqttc::ConnectionError::Io(io));
        assert!(said.en.contains("nobody listens"), "{said}");
    }
}
