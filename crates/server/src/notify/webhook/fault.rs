//! Whether a carrier brings what it should, for health: a queue that nobody empties, or
//! notices refused one after the other, must not look like silence.

use fenghuo_model::Timestamp;

use crate::journal::notices::Waiting;
use crate::notify::text;
use crate::view::Trouble;

/// The code of the trouble.
pub const CODE: &str = "carrier";
/// Longest error that is shown, in characters.
const ERROR_CHARS_MAX: usize = 200;

/// Notices refused for ever since the last one that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    since: Timestamp,
    count: u64,
    error: String,
}

/// One more was refused.
pub fn refuse(before: Option<Refused>, now: Timestamp, error: String) -> Refused {
    Refused {
        since: before.as_ref().map_or(now, |it| it.since),
        count: before.map_or(0, |it| it.count).saturating_add(1),
        error,
    }
}

/// How long the oldest notice that was tried has waited, in milliseconds; 0 when none does.
pub fn stuck_ms(waiting: Option<&Waiting>, now: Timestamp) -> u64 {
    let waited = waiting.map_or(0, |it| now.as_millis().saturating_sub(it.since));
    u64::try_from(waited).unwrap_or(0)
}

/// What is wrong with a carrier: it refuses, or the oldest notice has waited for `after_ms`.
pub fn trouble(
    carrier: &str,
    waiting: Option<&Waiting>,
    refused: Option<&Refused>,
    now: Timestamp,
    after_ms: u64,
) -> Option<Trouble> {
    let waiting = waiting.filter(|_| stuck_ms(waiting, now) >= after_ms);
    if let Some(Waiting {
        count,
        since,
        error,
    }) = waiting
    {
        let (since, error) = (text::local(*since), short(error));
        return Some(Trouble::new(
            CODE,
            format!(
                "通知通道 {carrier} 自 {since} 起送不出去，{count} 条通知在等待；最近的错误：{error}"
            ),
            format!(
                "carrier {carrier} has delivered nothing of what is due since {since}; notices waiting: {count}; last error: {error}"
            ),
        ));
    }
    let Refused {
        since,
        count,
        error,
    } = refused?;
    let (since, error) = (text::local(since.as_millis()), short(error));
    Some(Trouble::new(
        CODE,
        format!(
            "通知通道 {carrier} 自 {since} 起拒收，{count} 条通知不会再发；最近的错误：{error}"
        ),
        format!(
            "carrier {carrier} refuses notices since {since}; given up: {count}; last error: {error}"
        ),
    ))
}

fn short(error: &str) -> String {
    error.chars().take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: i64 = 1_795_392_000_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(BEGAN + ms)
    }

    #[test]
    fn what_waits_too_long_is_trouble_and_says_since_when_how_many_and_why() {
        let waiting = Waiting {
            count: 7,
            since: BEGAN,
            error: "http 503: away".to_owned(),
        };
        let said = |ms| trouble("duty", Some(&waiting), None, at(ms), 60_000);
        assert_eq!(said(59_999), None);
        let said = said(60_000).unwrap();
        assert_eq!(said.code, CODE);
        assert_eq!(
            said.zh,
            "通知通道 duty 自 2026-11-23 08:00:00 +08:00 起送不出去，7 条通知在等待；最近的错误：http 503: away"
        );
        assert!(
            said.en.contains("waiting: 7; last error: http 503: away"),
            "{}",
            said.en
        );
        assert_eq!(trouble("duty", None, None, at(60_000), 60_000), None);
    }

    #[test]
    fn refusals_are_trouble_at_once() {
        let first = refuse(None, at(0), "http 401: who".to_owned());
        let second = refuse(Some(first), at(5_000), "http 403: no".to_owned());
        let said = trouble("duty", None, Some(&second), at(5_000), 60_000).unwrap();
        assert!(
            said.zh
                .contains("自 2026-11-23 08:00:00 +08:00 起拒收，2 条"),
            "{}",
            said.zh
        );
        assert!(said.en.ends_with("last error: http 403: no"), "{}", said.en);
    }
}
