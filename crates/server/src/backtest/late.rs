//! Where data came late: live judgement did not have it, the fold has.

use std::time::Duration;

use fenghuo_engine::Subject;
use fenghuo_model::{GatewayKey, Timestamp};

use super::happened::Happened;
use super::report::Late;
use crate::rebuild::Sources;

/// Most spans that are told.
pub const SPANS_MAX: usize = 1_000;
/// A gateway is called silent so long after its last word, at most.
const BEFORE: Duration = Duration::from_secs(12);
/// The data that ends a silence is not late.
const ENDS: Duration = Duration::from_secs(5);
/// The rule of silent gateways.
pub const SILENT_RULE: &str = "fenghuo.gateway-silent";

/// Spans in which a gateway was silent to the server and has samples all the same, and those
/// of alarms that were found in backlog.
pub fn spans(sources: &Sources, before: &Happened) -> anyhow::Result<Vec<Late>> {
    let mut spans = Vec::new();
    for (key, intervals) in before.intervals()? {
        let gateway = key.subject.gateway();
        let silent = *key.rule == *SILENT_RULE && matches!(key.subject, Subject::Gateway(_));
        for interval in intervals {
            let from = interval.begin.minus(BEFORE);
            let until = interval.end.unwrap_or(before.until());
            let late = if silent {
                has_samples(sources, gateway, interval.begin, until.minus(ENDS))
            } else {
                interval.retrospective
            };
            if late {
                spans.push((gateway.clone(), from, until));
            }
        }
    }
    spans.sort();
    Ok(joined(spans))
}

fn has_samples(sources: &Sources, gateway: &GatewayKey, from: Timestamp, until: Timestamp) -> bool {
    let series = sources.history.series();
    let own = series.iter().filter(|meta| meta.point.gateway == *gateway);
    own.map(|meta| sources.history.range(&meta.point, from, until, 1))
        .any(|range| !range.series.is_empty())
}

fn joined(spans: Vec<(GatewayKey, Timestamp, Timestamp)>) -> Vec<Late> {
    let mut late: Vec<Late> = Vec::new();
    for (gateway, from, until) in spans {
        if let Some(last) = late.last_mut()
            && last.gateway == gateway
            && from <= last.until
        {
            last.until = last.until.max(until);
        } else if late.len() < SPANS_MAX {
            late.push(Late {
                gateway,
                from,
                until,
            });
        }
    }
    late
}
