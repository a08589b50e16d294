//! What the collectors of the figures are told.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Lines of one unit each, with the same registers.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How many connections.
    pub lines: usize,
    /// Points of each.
    pub points: usize,
    /// From one register to the next: 1 for neighbours, 2 for holes between all.
    pub step: usize,
    /// How often each is read.
    pub interval_ms: u64,
}

impl Plan {
    /// Points of all lines.
    pub const fn total(&self) -> usize {
        self.lines * self.points
    }

    /// The configuration's tables. No register is read along that no point has.
    pub fn toml(&self, device: SocketAddr) -> String {
        let Self {
            lines,
            points,
            step,
            interval_ms,
        } = self;
        let mut text = format!(
            "[[template]]\nname = \"registers\"\ninterval_ms = {interval_ms}\n\
             [[template.block]]\ncount = {points}\nstep = {step}\n\
             [[template.block.point]]\nkey = \"{{name}}.r{{n}}\"\nkind = \"other\"\n\
             table = \"holding\"\naddress = 0\ntype = \"u16\"\n"
        );
        for line in 0..*lines {
            // Writing to a String cannot fail.
            write!(
                text,
                "[[modbus]]\nname = \"l{line}\"\naddress = \"{device}\"\ngap_registers = 0\n\
                 unit = [{{ id = 1, name = \"d{line}\", template = \"registers\" }}]\n"
            )
            .unwrap_or_default();
        }
        text
    }
}

/// Writes a whole configuration; where it is.
pub fn write(
    dir: &Path,
    server: SocketAddr,
    status: SocketAddr,
    budget_mb: u64,
    sources: &str,
) -> anyhow::Result<PathBuf> {
    let file = dir.join("collector.toml");
    let spool = spool(dir);
    let text = format!(
        "enterprise = \"bench\"\ngateway = \"gw\"\n\
         [spool]\ndir = {spool:?}\nbudget_mb = {budget_mb}\n\
         [[destination]]\nname = \"server\"\nurl = \"mqtt://{server}\"\n\
         [status]\nlisten = \"{status}\"\n{sources}"
    );
    std::fs::write(&file, text)?;
    Ok(file)
}

/// Its spool's folder.
pub fn spool(dir: &Path) -> PathBuf {
    dir.join("spool")
}
