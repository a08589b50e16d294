//! Watches the wall clock, and says what is wrong with it.

use std::time::Duration;

use super::{Code, Status};
use crate::clock::{ReadClock, Standing};

const EVERY: Duration = Duration::from_secs(1);

/// Compares the clocks once a second, until the future is dropped.
pub async fn watch(clock: &ReadClock, status: &Status) {
    loop {
        tell(clock.compare(), status);
        tokio::time::sleep(EVERY).await;
    }
}

/// States how the clocks stand.
pub fn tell(standing: Standing, status: &Status) {
    let Standing {
        is_nonsense,
        is_doubted,
        ahead,
    } = standing;
    status.metrics.clock_ahead_ms.set(ahead);
    status.metrics.clock_doubtful.set(i64::from(is_doubted));
    let words = (ahead > 0).then(|| {
        (
            format!("系统时钟落后，采集时钟超前 {ahead} 毫秒"),
            format!("the wall clock is behind; the read clock is {ahead} ms ahead"),
        )
    });
    status.health.set(Code::ClockAhead, "", words);
    let words = match (is_nonsense, is_doubted) {
        (true, true) => Some((
            "系统时钟显然有误；数据时间从上次记录处或 2025 年起推算，质量标为不确定（clock）。请校准系统时钟",
            "the wall clock cannot be right; times are reckoned from the last one recorded, or \
             from 2025, and are uncertain (clock): set the system's clock",
        )),
        (true, false) => Some((
            "系统时钟被改成了不可能的时间；采集时钟按原有时间继续走。请校准系统时钟",
            "the wall clock was set to a time that cannot be; the read clock goes on as before: \
             set the system's clock",
        )),
        (false, true) => Some((
            "系统时钟远落后于已记录的数据，无法判断哪个正确；数据质量标为不确定（clock）。\
             请校准系统时钟；已由 NTP 等同步的，一小时后采集时钟自动回退；未同步而系统时钟已正确的，\
             在采集端运行时将其调动 2 秒以上，停稳后采集时钟随之回退",
            "the wall clock is far behind what is recorded already, and nobody knows which is \
             right; samples are uncertain (clock). Set the system's clock. One that is synchronised \
             (by NTP, say) is followed back after an hour; if it is not and is right all the same, \
             set it off by two seconds or more while the collector runs, and the read clock \
             follows it back once it has been left alone",
        )),
        (false, false) => None,
    };
    let words = words.map(|(zh, en)| (zh.to_owned(), en.to_owned()));
    status.health.set(Code::ClockDoubtful, "", words);
}
