//! Which frames a period lies in, over runs whose clocks do not follow one another.

use fenghuo_log::{Batch, Log};
use fenghuo_uplink::frame::FrameBuilder;

use super::*;

/// A spool of runs, each a frame a second from its begin on.
fn spool(dir: &std::path::Path, runs: &[(i64, u64)]) -> Fetch {
    let catalog = Arc::new(Catalog::new(Vec::new()).unwrap());
    let mut log = Log::open(&dir.join(crate::spool::FILE), None).unwrap();
    let (mut seq, mut batch) = (1, Batch::default());
    for (epoch, (begin, count)) in (7..).zip(runs) {
        let first = seq;
        for time in (0..).map(|at| begin + at * 1_000).take(*count as usize) {
            let mut builder = FrameBuilder::new(catalog.clone());
            batch.push(1, builder.finish(epoch, seq, first, time));
            seq += 1;
        }
    }
    log.append(&batch).unwrap();
    Fetch::new(log.reader().unwrap(), Arc::downgrade(&catalog))
}

async fn period(fetch: &mut Fetch, from: i64, until: i64) -> (u64, u64) {
    let at = Timestamp::from_millis;
    fetch.period(at(from), at(until)).await.unwrap()
}

const DAY: i64 = 86_400_000;
const TODAY: i64 = 20_000 * DAY;

#[tokio::test]
async fn a_period_is_found_though_the_clock_went_back_before_it() {
    let dir = tempfile::tempdir().unwrap();
    // 1 to 100 in a wrong future, 101 to 200 right, 201 to 300 an hour later.
    let runs = [
        (TODAY + 365 * DAY, 100),
        (TODAY, 100),
        (TODAY + 3_600_000, 100),
    ];
    let mut fetch = spool(dir.path(), &runs);
    let of_the_second = period(&mut fetch, TODAY + 20_000, TODAY + 30_000).await;
    assert_eq!(of_the_second, (121, 131));
    let of_the_future = period(&mut fetch, TODAY + 365 * DAY, TODAY + 365 * DAY + 5_000).await;
    assert_eq!(of_the_future, (1, 6));
    let over_a_restart = period(&mut fetch, TODAY + 90_000, TODAY + 3_602_000).await;
    assert_eq!(over_a_restart, (191, 203));
    let (first, _) = period(&mut fetch, TODAY + 500 * DAY, TODAY + 501 * DAY).await;
    assert_eq!(first, 301, "nothing of it is here");
}

#[tokio::test]
async fn a_time_that_came_twice_is_offered_as_often() {
    let dir = tempfile::tempdir().unwrap();
    let mut fetch = spool(dir.path(), &[(TODAY, 100), (TODAY + 40_000, 100)]);
    let both = period(&mut fetch, TODAY + 50_000, TODAY + 60_000).await;
    assert_eq!(both, (51, 121));
}
