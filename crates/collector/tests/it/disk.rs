//! A disk that refuses every write, and one that can only be read.
//!
//! A file system that turns read-only under open files cannot be had without a broken disk.
//! A process whose files may not grow is refused each write just so (an error of the system
//! that is neither "full" nor "damaged"), its log's included.

use std::process::Command;
use std::time::Duration;

use fenghuo_uplink::frame::{Frame, FrameSample, GapReason, Record};

use crate::broker::free_port;
use crate::collector::{Collector, counter};
use crate::plc::Plc;
use crate::server::until;

/// From now on no file of the process may be written, or may again.
fn may_write(pid: u32, may: bool) {
    let limit = if may { "unlimited" } else { "0" };
    let done = Command::new("prlimit")
        .args(["--pid", &pid.to_string()])
        .arg(format!("--fsize={limit}:"))
        .status();
    assert!(done.unwrap().success());
}

/// Every frame of the spool that the collector left.
fn frames(collector: &Collector) -> Vec<Frame> {
    let file = collector.dir.path().join("spool/spool.db");
    let reader = fenghuo_log::Reader::open(&file).unwrap();
    let entries = reader.read(1, usize::MAX, usize::MAX).unwrap();
    let frames = entries.iter().map(|entry| Frame::decode(&entry.body));
    frames.collect::<Result<_, _>>().unwrap()
}

/// The numbers that the frames hold, in their order.
fn numbers(collector: &Collector, frames: &[Frame]) -> Vec<u64> {
    let file = collector.dir.path().join("spool/spool.db");
    let reader = fenghuo_log::Reader::open(&file).unwrap();
    let mut samples: Vec<FrameSample> = Vec::new();
    for frame in frames {
        let name = fenghuo_collector::spool::catalog_mark(frame.head.catalog);
        let catalog = reader.mark(&name).unwrap().unwrap();
        let catalog = fenghuo_uplink::catalog::from_bytes(&catalog).unwrap();
        frame.samples(&catalog, &mut samples).unwrap();
    }
    let numbers = samples
        .iter()
        .filter_map(|it| match it.sample.reading.value() {
            Some(fenghuo_model::Value::U64(number)) => Some(*number),
            _ => None,
        });
    numbers.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_refuses_writes_for_a_while_costs_a_gap_and_nothing_else() {
    let plc = Plc::start().await;
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let mut collector = Collector::new(&nobody, &counter(&plc.address, 10));
    let pid = collector.start_without_signals();
    until("frames are spooled", 20, || {
        collector.metric("fenghuo_collector_frames_spooled_total") > Some(20)
    })
    .await;
    may_write(pid, false);
    until("frames in memory have to go", 20, || {
        collector.metric("fenghuo_collector_frames_dropped_total") > Some(50)
    })
    .await;
    let page = collector.page("/healthz");
    assert!(page.starts_with("HTTP/1.1 503"), "{page}");
    assert!(page.contains("\"code\":\"spool_failing\""), "{page}");
    let served = plc.served().len();
    until("it reads on", 20, || plc.served().len() > served + 50).await;

    may_write(pid, true);
    let spooled = collector.metric("fenghuo_collector_frames_spooled_total");
    until("what waited is written", 20, || {
        collector.metric("fenghuo_collector_frames_spooled_total") > spooled.map(|n| n + 100)
    })
    .await;
    let page = collector.page("/healthz");
    assert!(!page.contains("spool_failing"), "{page}");
    let dropped = collector.metric("fenghuo_collector_frames_dropped_total");
    assert!(collector.stop().success());

    let frames = frames(&collector);
    let gaps = frames.iter().flat_map(|frame| &frame.records);
    let missing = gaps.map(|record| match record {
        Record::Gap(gap) if gap.why == GapReason::Budget as u32 => gap.count,
        _ => 0,
    });
    assert_eq!(Some(missing.sum::<u64>()), dropped.map(i64::unsigned_abs));
    // Each number stands once and in order; all that is missing was read in one stretch.
    let numbers = numbers(&collector, &frames);
    let holes = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1);
    assert_eq!(holes.count(), 1, "{numbers:?}");
    assert!(numbers.is_sorted());
}

/// A folder whose file system can only be read, for one command: in a name space of its own.
fn on_a_read_only_disk(collector: &Collector) -> std::process::Output {
    let spool = collector.dir.path().join("spool");
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" \
                  && exec timeout 20 \"$2\" run \"$3\"";
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .arg(spool)
        .arg(env!("CARGO_BIN_EXE_fenghuo-collector"))
        .arg(collector.file())
        .output();
    output.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_read_only_disk_says_which_folder_and_what_to_do() {
    let plc = Plc::start().await;
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let mut collector = Collector::new(&nobody, &counter(&plc.address, 10));
    let spool = collector.dir.path().join("spool");
    std::fs::create_dir(&spool).unwrap();
    let never_used = on_a_read_only_disk(&collector);
    collector.start();
    until("frames are spooled", 20, || {
        collector.metric("fenghuo_collector_frames_spooled_total") > Some(20)
    })
    .await;
    collector.kill();
    let left_by_a_kill = on_a_read_only_disk(&collector);
    for (what, output) in [("new", never_used), ("used", left_by_a_kill)] {
        assert!(!output.status.success(), "{what}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains(&spool.display().to_string()),
            "{what}: {said}"
        );
        assert!(said.contains("Read-only file system"), "{what}: {said}");
        assert!(
            said.contains("make it writable, or change spool.dir"),
            "{what}: {said}"
        );
        assert!(!said.contains("panicked"), "{what}: {said}");
    }
    // Nothing of it was taken for damage, or moved.
    let before = frames(&collector).len();
    collector.start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(collector.stop().success());
    assert!(!collector.page("/healthz").contains("spool_set_aside"));
    assert!(frames(&collector).len() > before);
}

/// A small file system in a name space of its own, which is filled up between the runs of the
/// collector on it. The test makes the files `1`, `2` and so on for it to go on.
const FULL: &str = r#"
until_there() {
    n=0
    while [ ! -e "$1" ]; do
        sleep 0.1; n=$((n + 1)); [ $n -lt 600 ] || { kill $pid; exit 4; }
    done
}
stop() { kill -TERM $pid; wait $pid; echo "exit $?" >> "$dir/said"; }
fill() { dd if=/dev/zero of="$spool/fill" bs=4k oflag=append conv=notrunc 2>/dev/null; }
dir=$1 spool=$2 program=$3 file=$4
mount -t tmpfs -o size=48m none "$spool" || exit 3
"$program" run "$file" 2>>"$dir/log" & pid=$!
until_there "$dir/1"; stop; fill
"$program" check "$file" > "$dir/checked" 2>&1; echo "check $?" >> "$dir/said"
"$program" run "$file" 2>>"$dir/log" & pid=$!
until_there "$dir/2"; stop; rm -f "$spool/spool.ballast"; fill
"$program" run "$file" 2>>"$dir/log" & pid=$!
until_there "$dir/3"; stop
"$program" run "$file" 2>>"$dir/log" & pid=$!
until_there "$dir/4"; rm "$spool/fill"
until_there "$dir/5"; stop
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_on_a_full_disk_reads_on_or_waits_for_room_and_says_so() {
    let plc = Plc::start().await;
    let nobody = format!("mqtt://127.0.0.1:{}", free_port());
    let collector = Collector::new(&nobody, &counter(&plc.address, 20));
    let dir = collector.dir.path().to_owned();
    let spool = dir.join("spool");
    std::fs::create_dir(&spool).unwrap();
    let mut script = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            FULL,
            "sh",
        ])
        .args([&dir, &spool])
        .arg(env!("CARGO_BIN_EXE_fenghuo-collector"))
        .arg(collector.file())
        .spawn()
        .unwrap();
    let spooled = || collector.metric("fenghuo_collector_frames_spooled_total");
    let said = || std::fs::read_to_string(dir.join("said")).unwrap_or_default();
    let go_on = |name: &str| std::fs::write(dir.join(name), b"").unwrap();
    until("frames are spooled", 20, || spooled() > Some(20)).await;
    go_on("1");
    until("it has stopped", 20, || said().lines().count() == 2).await;

    // The ballast is thrown away, and the spool has room in itself.
    until("it reads and spools on a full disk", 20, || {
        spooled() > Some(20)
    })
    .await;
    go_on("2");
    until("it has stopped", 20, || said().lines().count() == 3).await;

    until("it says what it waits for", 20, || {
        let page = collector.page("/healthz");
        page.contains("磁盘已满") && page.contains("the disk is full")
    })
    .await;
    go_on("3");
    until("it has stopped though it was waiting", 20, || {
        said().lines().count() == 4
    })
    .await;
    let served = plc.served().len();
    go_on("4");
    until("there is room again", 20, || plc.served().len() > served).await;
    let page = collector.page("/healthz");
    assert!(!page.contains("the disk is full"), "{page}");
    go_on("5");
    until("it has stopped", 20, || said().lines().count() == 5).await;
    // Whoever checks first, as the service does, must not keep it from starting.
    assert_eq!(said(), "exit 0\ncheck 0\nexit 0\nexit 0\nexit 0\n");
    let checked = std::fs::read_to_string(dir.join("checked")).unwrap();
    assert!(checked.contains("is full"), "{checked}");
    assert!(script.wait().unwrap().success());
}
