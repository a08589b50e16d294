//! Why a rule does not watch a point.

use fenghuo_model::source::LABEL_SOURCE;
use fenghuo_model::{PointRef, Title};

use super::words::{self, both};
use crate::gateway::{Gateway, Slot};
use crate::rule::{Detector, Rule};

/// A label that a rule asks for and a point does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrongLabel {
    /// Its name.
    pub label: String,
    /// The values that would do.
    pub wanted: Vec<String>,
    /// What the point has.
    pub found: Option<String>,
}

/// Why a rule does not watch a point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unwatched {
    /// There is no such rule.
    NoRule,
    /// It is the communication alarm of gateways: it counts their silence and looks at no
    /// point.
    Silence,
    /// There is no such gateway.
    NoGateway,
    /// The gateway has no such point.
    NoPoint,
    /// The gateway's newest catalog has it no more.
    Retired,
    /// It tells the state of a line or a device, and the rule does not ask for those.
    StatusPoint,
    /// Its labels are not those that the rule selects.
    Labels(Vec<WrongLabel>),
    /// It is selected and cannot be watched: a unit that does not convert, a partner that is
    /// missing.
    Refused(Title),
    /// No alarm that the roll-up counts is bound to it.
    NothingToCount,
}

impl Unwatched {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoRule => "no_rule",
            Self::Silence => "gateway_silence",
            Self::NoGateway => "no_gateway",
            Self::NoPoint => "no_point",
            Self::Retired => "retired",
            Self::StatusPoint => "status_point",
            Self::Labels(_) => "labels",
            Self::Refused(_) => "refused",
            Self::NothingToCount => "nothing_to_count",
        }
    }

    /// The reason of a rule that exists and a point that no binding looks at.
    pub(super) fn of(rule: &Rule, point: &PointRef, gateway: &Gateway) -> Self {
        let same = |slot: &&Slot| slot.point == *point;
        let mut slots = gateway.slots.iter().filter(same).peekable();
        if slots.peek().is_none() {
            return Self::NoPoint;
        }
        let Some(slot) = slots.find(|slot| !slot.retired) else {
            return Self::Retired;
        };
        let asks = rule.select.0.contains_key(LABEL_SOURCE);
        if slot.is_source && !asks {
            return Self::StatusPoint;
        }
        let wrong = wrong_labels(rule, slot);
        if !wrong.is_empty() {
            return Self::Labels(wrong);
        }
        let name = point.to_string();
        let refused = gateway.wires.unbound.iter().find(|unbound| {
            unbound.rule == rule.id && unbound.level.is_none() && unbound.point == name
        });
        match (refused, &rule.detector) {
            (Some(refused), _) => Self::Refused(refused.why.say()),
            (None, Detector::Rollup { .. }) => Self::NothingToCount,
            (None, _) => Self::Refused(Title {
                zh: "没有绑定到该测点".to_owned(),
                en: "it is not bound".to_owned(),
            }),
        }
    }

    /// One sentence.
    pub(super) fn say(&self, rule: &str, point: &PointRef) -> Title {
        let (zh, en) = match self {
            Self::NoRule => (
                format!("没有规则 {rule}"),
                format!("there is no rule {rule}"),
            ),
            Self::Silence => (
                format!("{rule} 按网关的静默时间判断，不看测点"),
                format!("{rule} counts the silence of gateways and looks at no point"),
            ),
            Self::NoGateway => (
                format!("没有网关 {}", point.gateway),
                format!("there is no gateway {}", point.gateway),
            ),
            Self::NoPoint => (
                format!("网关没有上报过测点 {point}"),
                format!("the gateway has never named the point {point}"),
            ),
            Self::Retired => (
                format!("测点 {point} 已从网关的测点表中删除"),
                format!("the gateway's newest catalog has the point {point} no more"),
            ),
            Self::StatusPoint => (
                "该测点表示线路或设备的通信状态，此规则不选用这类测点".to_owned(),
                "it tells the state of a line or device, which this rule does not ask for"
                    .to_owned(),
            ),
            Self::Labels(wrong) => labels(wrong),
            Self::Refused(Title { zh, en }) => (
                format!("已选中但无法监视：{zh}"),
                format!("it is selected and cannot be watched: {en}"),
            ),
            Self::NothingToCount => (
                "此汇总规则所统计的规则都不监视该测点".to_owned(),
                "none of the rules that this roll-up counts watches the point".to_owned(),
            ),
        };
        both(format!("未监视：{zh}。"), format!("Not watched: {en}."))
    }
}

fn wrong_labels(rule: &Rule, slot: &Slot) -> Vec<WrongLabel> {
    let select = &rule.select;
    let differs = |(label, wanted): (&String, &Vec<String>)| {
        let found = select_value(label, slot);
        let fits = found.as_ref().is_some_and(|found| wanted.contains(found));
        (!fits).then(|| WrongLabel {
            label: label.clone(),
            wanted: wanted.clone(),
            found,
        })
    };
    select.0.iter().filter_map(differs).collect()
}

fn select_value(label: &str, slot: &Slot) -> Option<String> {
    crate::rule::Select::value(label, &slot.point, &slot.def).map(str::to_owned)
}

fn labels(wrong: &[WrongLabel]) -> (String, String) {
    let each = |of: fn(&WrongLabel) -> String| wrong.iter().map(of).collect::<Vec<_>>();
    let zh = each(|it| {
        let wanted = it.wanted.join("、");
        match &it.found {
            Some(found) => format!("标签 {} 为 {found}，规则要求 {wanted}", it.label),
            None => format!("缺少标签 {}，规则要求 {wanted}", it.label),
        }
    });
    let en = each(|it| {
        let wanted = it.wanted.join(" or ");
        match &it.found {
            Some(found) => format!("its label {} is {found}, the rule wants {wanted}", it.label),
            None => format!("it has no label {}, the rule wants {wanted}", it.label),
        }
    });
    (zh.join(words::LIST_ZH), en.join(words::LIST_EN))
}
