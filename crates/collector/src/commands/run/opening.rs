//! Opening the spool, however long it takes: a damaged one is copied, and a disk without room is
//! waited for. Meanwhile the status page answers, systemd is told that it goes on, and a stop
//! is obeyed at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fenghuo_log::LogError;
use fenghuo_model::Catalog;
use tokio::sync::oneshot;

use crate::config::Config;
use crate::spool::{self, Found, Opened, Progress, Rescue, Store, Terms, ballast};
use crate::status::{Code, Status, service};

/// How often a full disk is looked at again.
const FULL: Duration = Duration::from_secs(2);
/// How often it is told how far a rescue has come.
const TOLD: Duration = Duration::from_secs(2);

/// Opens the spool on a thread of its own; none when it was stopped first. What is half done then
/// goes on at the next start.
pub async fn open(
    config: &Config,
    epoch: u64,
    status: &Status,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Option<(Store, Found)>> {
    let opening = Opening {
        dir: config.spool.dir.clone(),
        terms: config.terms(),
        catalog: config.catalog.clone(),
        epoch,
        status: status.clone(),
        told: None,
    };
    let (tell, opened) = oneshot::channel();
    std::thread::Builder::new()
        .name("opening".to_owned())
        .spawn(move || {
            if tell.send(opening.run()).is_err() {
                tracing::debug!("nobody waits for the spool any more");
            }
        })?;
    let opened = tokio::select! {
        opened = opened => opened.context("the spool cannot be opened")?,
        () = stop => {
            tracing::info!("stopped before the spool was open");
            service::stopping();
            return Ok(None);
        }
    };
    let opened = opened.map_err(|error| {
        let advice = match &error {
            LogError::InUse { .. } => {
                "; a collector that runs has it: stop that, or give this one a spool.dir of its own"
            }
            LogError::Io { .. } => "; make it writable, or change spool.dir",
            _ => "",
        };
        anyhow::anyhow!("the spool cannot be opened: {error}{advice}")
    })?;
    let (store, found) = (opened.store, opened.found);
    status.health.clear(Code::SpoolSetAside, "");
    if let Some(rescue) = opened.rescue {
        tell_rescue(&rescue, status);
    }
    tracing::info!(
        gateway = %config.gateway,
        epoch,
        clean = found.clean,
        first = found.first,
        next = found.next,
        "spool opened"
    );
    Ok(Some((store, found)))
}

struct Opening {
    dir: PathBuf,
    terms: Terms,
    catalog: Arc<Catalog>,
    epoch: u64,
    status: Status,
    told: Option<Instant>,
}

impl Opening {
    fn run(mut self) -> Result<Opened, LogError> {
        let opened = loop {
            match self.open() {
                Err(error) if error.is_full() => self.full(&error),
                done => break done?,
            }
        };
        self.status.health.clear(Code::SpoolFailing, "");
        if self.told.is_some() {
            service::went_on();
        }
        if let Err(error) = ballast::lay(&self.dir) {
            tracing::warn!(%error, "no ballast can be laid down beside the spool");
        }
        Ok(opened)
    }

    fn open(&mut self) -> Result<Opened, LogError> {
        let (dir, terms, catalog) = (self.dir.clone(), self.terms.clone(), self.catalog.clone());
        let (epoch, now) = (self.epoch, crate::clock::wall_time());
        let mut tell = |progress| self.rescuing(progress);
        spool::open(&dir, &terms, &catalog, epoch, now, &mut tell)
    }

    /// There is no room to open it.
    fn full(&mut self, error: &LogError) {
        if ballast::throw(&self.dir) {
            tracing::warn!(%error, "the disk is full, the ballast goes to open the spool");
            return;
        }
        if self.is_to_be_told() {
            tracing::error!(%error, "the disk is full, nothing is read until there is room");
        }
        let dir = self.dir.display();
        self.status.health.raise(
            Code::SpoolFailing,
            "",
            format!("磁盘已满，缓存无法打开，采集尚未开始：请在 {dir} 所在磁盘腾出空间"),
            format!(
                "the disk is full and the spool cannot be opened; nothing is read yet: make room \
                 on the disk of {dir}"
            ),
        );
        service::goes_on("the disk is full, waiting for room");
        std::thread::sleep(FULL);
    }

    /// A damaged spool is being copied.
    fn rescuing(&mut self, progress: Progress) {
        if !self.is_to_be_told() {
            return;
        }
        let Progress { seen, of } = progress;
        tracing::warn!(
            seen,
            of,
            "the spool is damaged; what can be read is being copied"
        );
        self.status.health.raise(
            Code::SpoolSetAside,
            "",
            format!("本地缓存已损坏，正在取回其中的数据：{seen}/{of} 帧，完成后开始采集"),
            format!(
                "the spool is damaged, what can be read of it is being copied: {seen} of {of} \
                 frames; reading begins when that is done"
            ),
        );
        service::goes_on(&format!("copying a damaged spool: {seen} of {of} frames"));
    }

    fn is_to_be_told(&mut self) -> bool {
        let is_due = self.told.is_none_or(|told| told.elapsed() >= TOLD);
        if is_due {
            self.told = Some(Instant::now());
        }
        is_due
    }
}

fn tell_rescue(rescue: &Rescue, status: &Status) {
    let (folder, kept, lost) = (rescue.folder.display(), rescue.kept, rescue.lost);
    let left = rescue.left;
    tracing::error!(what = %rescue.what, %folder, kept, lost, left, "the spool was damaged and set aside");
    status.metrics.frames_rescued.inc_by(kept);
    status.metrics.spool_set_aside.set(1);
    let (mut zh, mut en) = (
        format!("本地缓存已损坏，移至 {folder}；已取回 {kept} 帧，至少丢失 {lost} 帧"),
        format!(
            "the spool was damaged and moved to {folder}; {kept} frames were kept, at least {lost} are lost"
        ),
    );
    if left > 0 {
        let file = std::fs::metadata(rescue.folder.join(spool::FILE));
        let megabytes = file.map_or(0, |file| file.len()).div_ceil(1 << 20);
        zh += &format!(
            "；另有 {left} 帧因磁盘空间或 spool.budget_mb 不足未取回，仍在该目录中（全部取回约需 {megabytes} MB）"
        );
        en += &format!(
            "; {left} more had no room on the disk or in spool.budget_mb and stay in that folder \
             (all of it needs about {megabytes} MB)"
        );
    }
    status.health.raise(Code::SpoolSetAside, "", zh, en);
}
