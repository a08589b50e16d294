//! The register of enterprises: who should be watched. It decides nothing about alarms.

use std::sync::Arc;

use fenghuo_model::{EnterpriseId, Title};
use serde::{Deserialize, Serialize};

/// Most enterprises.
pub const ENTERPRISES_MAX: usize = 10_000;
/// Most plants of one enterprise.
pub const PLANTS_MAX: usize = 64;
/// Most contacts of one enterprise.
pub const CONTACTS_MAX: usize = 32;
/// Longest text in the register, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// An enterprise, as the county has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Enterprise {
    /// Its id, which its gateways' names begin with.
    pub id: EnterpriseId,
    /// What people call it.
    pub name: Title,
    /// Where it is.
    pub township: Title,
    /// Its industry, such as `hazchem`.
    pub industry: Arc<str>,
    /// The kinds of plant that it runs: each brings its required targets.
    pub plants: Vec<Arc<str>>,
    /// The area within the township.
    pub area: Option<String>,
    /// Whom to call.
    pub contacts: Vec<Contact>,
}

/// Whom to call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Contact {
    /// The name.
    pub name: String,
    /// The number.
    pub phone: String,
    /// What the person is there for.
    pub role: String,
}
