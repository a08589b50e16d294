//! Why a rule cannot watch a point that it selects: the one place for these texts.

use std::sync::Arc;

use fenghuo_model::{Title, Unit, UnitError};

use super::near::BESIDE_MAX;
use crate::expr;

/// What a rule looks for beside its own point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// What an interlock requires.
    Required,
    /// What a sequence waits for.
    Awaited,
    /// What a deviation compares with.
    Compared,
    /// An input of an expression.
    Input(String),
}

/// Why a rule cannot watch a point, or a level is not armed there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The limit must come from the site's design.
    Design,
    /// The detector needs a number, and the point gives a text.
    Text,
    /// The label that groups points is missing.
    NoLabel(Arc<str>),
    /// No point of the gateway is what it looks for.
    Nothing(Wanted),
    /// More than one point is an input.
    Several(String, usize),
    /// More points stand beside it than may.
    Crowd(usize),
    /// Another point, which must have the same unit, has another.
    OtherUnit {
        /// The other point.
        point: String,
        /// Its unit.
        unit: Unit,
        /// The unit that is wanted.
        wanted: Unit,
    },
    /// No calendar of this name is for the point.
    NoCalendar(Arc<str>),
    /// A limit is a share of the instrument's span, and the point has no range.
    NoRange,
    /// The rule's unit is not the point's, and does not convert.
    Unit(UnitError),
    /// The expression does not fit the points.
    Expression(Vec<expr::Fault>),
}

impl Refusal {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Design => "design",
            Self::Text => "text",
            Self::NoLabel(_) => "no_label",
            Self::Nothing(_) => "no_partner",
            Self::Several(..) => "several_partners",
            Self::Crowd(_) => "too_many_partners",
            Self::OtherUnit { .. } => "other_unit",
            Self::NoCalendar(_) => "no_calendar",
            Self::NoRange => "no_range",
            Self::Unit(_) => "unit",
            Self::Expression(_) => "expression",
        }
    }

    /// The key of the rule that is at odds with the point.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Design => "source",
            Self::Text | Self::Crowd(_) | Self::OtherUnit { .. } => "select",
            Self::NoLabel(_) => "group",
            Self::Nothing(Wanted::Required) => "requires",
            Self::Nothing(Wanted::Awaited) => "then",
            Self::Nothing(Wanted::Compared) => "from",
            Self::Nothing(Wanted::Input(_)) | Self::Several(..) => "inputs",
            Self::NoCalendar(_) => "during",
            Self::NoRange => "level",
            Self::Unit(_) => "unit",
            Self::Expression(_) => "when",
        }
    }

    /// Whether no other point could mend it: the rule itself does not fit what it selects.
    /// Partners, on the other hand, may still be connected.
    #[must_use]
    pub const fn is_of_rule(&self) -> bool {
        !matches!(
            self,
            Self::Design | Self::Nothing(_) | Self::Several(..) | Self::Crowd(_)
        )
    }

    /// One sentence for people.
    #[must_use]
    pub fn say(&self) -> Title {
        let (zh, en) = match self {
            Self::Design => (
                "限值须由现场设计给出，尚未布防".to_owned(),
                "its limit must come from the site's design: it is not armed".to_owned(),
            ),
            Self::Text => (
                "测点是文本，不能与数值比较".to_owned(),
                "a text has no place on a number line".to_owned(),
            ),
            Self::NoLabel(label) => (
                format!("测点没有标签 `{label}`"),
                format!("it has no label `{label}`"),
            ),
            Self::Nothing(wanted) => nothing(wanted),
            Self::Several(name, many) => (
                format!("有 {many} 个测点符合输入 `{name}`，只能有一个"),
                format!("{many} points are `{name}`: one is wanted"),
            ),
            Self::Crowd(many) => (
                format!("旁边有 {many} 个测点，最多 {BESIDE_MAX} 个：请用标签 `area` 注明区域"),
                format!(
                    "{many} points stand beside it: at most {BESIDE_MAX} can, say which `area` \
                     they are in"
                ),
            ),
            Self::OtherUnit {
                point,
                unit,
                wanted,
            } => (
                format!("{point} 的单位是 {unit}，应为 {wanted}"),
                format!("{point} has another unit, {unit}, and not {wanted}"),
            ),
            Self::NoCalendar(calendar) => (
                format!("没有适用于它的日历 `{calendar}`"),
                format!("no calendar `{calendar}` is for it"),
            ),
            Self::NoRange => (
                "限值按量程比例恢复，而测点没有量程".to_owned(),
                "its limit clears at a share of the instrument's span, and the point has no range"
                    .to_owned(),
            ),
            Self::Unit(error) => (unit_zh(error), error.to_string()),
            Self::Expression(faults) => expression(faults),
        };
        Title { zh, en }
    }
}

fn nothing(wanted: &Wanted) -> (String, String) {
    match wanted {
        Wanted::Required => (
            "该网关上没有规则所要求（requires）的测点".to_owned(),
            "no point on this gateway is what it requires".to_owned(),
        ),
        Wanted::Awaited => (
            "该网关上没有规则所等待（then）的测点".to_owned(),
            "no point on this gateway is what it waits for".to_owned(),
        ),
        Wanted::Compared => (
            "该网关上没有可与之比较（from）的测点".to_owned(),
            "no point on this gateway is what it is compared with".to_owned(),
        ),
        Wanted::Input(name) => (
            format!("该网关上没有测点符合输入 `{name}`"),
            format!("no point on this gateway is `{name}`"),
        ),
    }
}

fn unit_zh(error: &UnitError) -> String {
    match error {
        UnitError::Unknown(unit) => format!("未知单位 `{unit}`"),
        UnitError::Dimension { from, to, .. } => {
            format!("规则单位 `{from}` 不能换算为测点单位 `{to}`")
        }
    }
}

fn expression(faults: &[expr::Fault]) -> (String, String) {
    let place = |fault: &expr::Fault| fault.span.start + 1;
    let zh = faults
        .iter()
        .map(|fault| format!("第 {} 字节：{}", place(fault), fault.kind.zh()));
    let en = faults
        .iter()
        .map(|fault| format!("at {}: {}", place(fault), fault.what));
    let zh: Vec<_> = zh.collect();
    let en: Vec<_> = en.collect();
    (
        format!("表达式 when 不能用于该测点，{}", zh.join("；")),
        en.join("; "),
    )
}
