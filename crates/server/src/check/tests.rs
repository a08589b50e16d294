use fenghuo_model::{Catalog, Kind, PointDef, PointKey, Title, Unit, ValueType};
use prost::Message;

use super::*;
use crate::entry::{self, RawCatalog};
use crate::journal::Journal;

const PACK: &str = r#"
[[rule]]
id       = "gas"
select   = { kind = "concentration" }
source   = { standard = "S", clause = "1", ship = "REG", confidence = "V", until = "2026-12-31" }
[[rule.level]]
name     = "L1"
above    = 25
severity = "yellow"
[[rule]]
id       = "level"
select   = { kind = "level" }
source   = { ship = "DES", confidence = "U" }
[[rule.level]]
name     = "H"
above    = "design"
severity = "yellow"
[[rule.level]]
name     = "HH"
above    = "design"
severity = "orange"
[[rule]]
id       = "old"
select   = { kind = "level" }
enabled  = false
[[rule.level]]
name     = "H"
above    = 1
severity = "yellow"
"#;

const SITE: &str = r#"
[[limit]]
rule     = "level"
level    = "HH"
value    = 10.8
document = "设计文件 3-2"
[[enterprise]]
id       = "oil"
name     = "石化"
township = "新宁镇"
industry = "hazchem"
plants   = ["tank-farm"]
"#;

/// What `check` says on a day.
fn said(rules: &[(&str, &str)], day: i64) -> Report {
    said_with(rules, &[], day)
}

/// The same, with the points of a gateway that the journal knows.
fn said_with(rules: &[(&str, &str)], points: &[PointDef], day: i64) -> Report {
    let dir = tempfile::tempdir().unwrap();
    if !points.is_empty() {
        let catalog = Catalog::new(points.to_vec()).unwrap();
        let raw = RawCatalog {
            gateway: "oil/gw1".to_owned(),
            catalog: fenghuo_uplink::catalog::to_bytes(&catalog),
        };
        std::fs::create_dir(dir.path().join("data")).unwrap();
        let mut journal = Journal::open(&dir.path().join("data/journal.db")).unwrap();
        let body = raw.encode_to_vec();
        journal.append(&[], &[(1, entry::CATALOG, &body)]).unwrap();
    }
    for (name, text) in rules {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let names: Vec<_> = rules
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let path = dir.path().join("server.toml");
    let data = dir.path().join("data");
    let text = format!("data_dir = {data:?}\nrules = [{}]\n", names.join(", "));
    std::fs::write(&path, text).unwrap();
    let config = crate::config::load(&path).unwrap();
    let now = Timestamp::from_millis(day * 86_400_000);
    report(Path::new("server.toml"), &config, now)
}

/// 2026-12-31.
const LAST_DAY: i64 = 20_818;

#[test]
fn the_figures_name_what_a_person_must_decide() {
    let report = said(&[("pack.toml", PACK), ("site.toml", SITE)], LAST_DAY);
    assert_eq!(
        report.text,
        "server.toml: 文件无误，测点未核对 files ok, points not checked, 2 rule files\n\
         规则 rules: 3, 停用 off 1\n\
         级别 levels: 限值已知 with limits 2, 缺设计值 unarmed 1\n\
         来源 sources: REG 1, REG-pending 0, DES 1, DEF 0, 未注明 none 1\n\
         现场限值 site limits: 1\n\
         必测项 targets: 0, 登记企业 enterprises: 1\n  \
         停用 off: old\n  \
         缺设计值 design missing: level: H\n  \
         没有规则包规定必测项 no pack requires anything of: tank-farm\n\
         未核对 not checked: 单位、表达式、日历和选择是否适合测点 whether units, expressions, \
         calendars and selects fit the points: 尚未收到任何测点表 no catalog of points has come yet"
    );
    assert_eq!((report.errors, report.warnings), (0, 0));
}

#[test]
fn a_standard_past_its_day_fails_the_check() {
    let report = said(&[("pack.toml", PACK)], LAST_DAY + 1);
    assert_eq!(report.errors, 1);
    assert!(
        report
            .text
            .contains("pack.toml:5:84: `gas` rests on S, which was valid until 2026-12-31"),
        "{}",
        report.text
    );
}

#[test]
fn no_rules_at_all_is_said_loudly() {
    let text = said(&[], LAST_DAY).text;
    assert!(text.contains("NO LIMIT IS WATCHED"), "{text}");
}

#[test]
fn a_carrier_that_is_not_there_is_named() {
    const RECEIVER: &str = "[[receiver]]\nname = \"room\"\ncarriers = [\"dutty\"]\n";
    let report = said(&[("site.toml", RECEIVER)], 0);
    assert_eq!(report.errors, 1);
    let line = "通道不存在 no such carrier: 接收者 receiver room: dutty";
    assert!(report.text.contains(line), "{}", report.text);
    assert_eq!(said(&[], 0).errors, 0);
}

fn point(key: &str, kind: Kind, unit: &str) -> PointDef {
    PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind,
        unit: Unit::parse(unit).unwrap(),
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: std::collections::BTreeMap::new(),
    }
}

fn rule(id: &str, keys: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\n{keys}\n[[rule.level]]\nname = \"H\"\nabove = 1\n\
         severity = \"yellow\"\n"
    )
}

#[test]
fn a_receiver_that_waits_for_what_never_comes_is_an_error() {
    const HEAD: &str = "[[receiver]]\nname = \"head\"\ncarriers = [\"x\"]\ntier = 2\n";
    let report = said(&[("site.toml", HEAD)], 0);
    // The carrier is not there either.
    assert_eq!(report.errors, 2);
    assert!(
        report
            .text
            .contains("site.toml:4:8: 接收者 `head` 的 tier = 2"),
        "{}",
        report.text
    );
    assert!(
        report
            .text
            .starts_with("server.toml: 有错误 errors 2, 警告 warnings 0")
    );
    let timed = format!("{HEAD}[closed_loop.red]\nacknowledge = \"5m\"\n");
    let at_once = format!("{HEAD}at_once = \"red\"\n");
    for text in [timed, at_once] {
        let text = said(&[("site.toml", &text)], 0).text;
        assert!(!text.contains("永远收不到"), "{text}");
    }
}

#[test]
fn a_unit_of_another_kind_is_an_error_without_any_point() {
    let strange = rule("t", "select = { kind = \"temperature\" }\nunit = \"kPa\"");
    let report = said(&[("a.toml", &strange)], 0);
    assert_eq!(report.errors, 1);
    assert!(
        report
            .text
            .contains("a.toml:4:8: 单位 `kPa` 不适用于所选类型 temperature"),
        "{}",
        report.text
    );
    for fits in [
        "select = { kind = \"level\" }\nunit = \"kPa\"",
        "select = { kind = [\"temperature\", \"other\"] }\nunit = \"kPa\"",
        "select = { kind = \"temperature\" }\nunit = \"°C\"",
        "select = { area = \"a\" }\nunit = \"°C\"",
    ] {
        let report = said(&[("a.toml", &rule("t", fits))], 0);
        assert_eq!(report.errors, 0, "{}", report.text);
    }
}

#[test]
fn rules_that_cannot_watch_their_points_are_errors_with_their_place() {
    let text = rule("unit", "select = { kind = \"level\" }\nunit = \"A\"")
        + "[[rule]]\nid = \"when\"\nselect = { kind = \"level\" }\ndetector = \"expression\"\n\
           when = \"value && true\"\n[[rule.level]]\nname = \"x\"\nseverity = \"red\"\n"
        + &rule("day", "select = { kind = \"level\" }\noutside = \"day\"")
        + "[[calendar]]\nid = \"day\"\nselect = { enterprise = \"gas\" }\n";
    let points = [
        point("T-1", Kind::Level, "m"),
        point("T-2", Kind::Level, "m"),
    ];
    let report = said_with(&[("a.toml", &text)], &points, 0);
    assert_eq!(report.errors, 3, "{}", report.text);
    for line in [
        "错误 error: a.toml:4:8: 规则 rule `unit` 无法监视 2 个测点 cannot watch 2 points: \
         oil/gw1/T-1: 规则单位 `A` 不能换算为测点单位 `m`",
        "错误 error: a.toml:13:8: 规则 rule `when` 无法监视 2 个测点",
        "类型不符",
        "true or false is expected here",
        "错误 error: a.toml:20:11: 规则 rule `day` 无法监视 2 个测点 cannot watch 2 points: \
         oil/gw1/T-1: 没有适用于它的日历 `day`",
    ] {
        assert!(report.text.contains(line), "{line}\n{}", report.text);
    }
    assert!(!report.text.contains("未核对"), "{}", report.text);
    let sound = rule("sound", "select = { kind = \"level\" }");
    let sound = said_with(&[("a.toml", &sound)], &points, 0).text;
    assert!(
        sound.starts_with("server.toml: ok, 1 rule files\n"),
        "{sound}"
    );
    // Without points none of it can be told, and that is said.
    let report = said(&[("a.toml", &text)], 0);
    assert_eq!(report.errors, 0);
    assert!(
        report.text.contains("未核对 not checked"),
        "{}",
        report.text
    );
}

#[test]
fn what_fits_no_point_is_a_warning() {
    let limit = "[[limit]]\nrule = \"tank\"\nlevel = \"H\"\nvalue = 0.5\ndocument = \"D-7\"\n\
                 select = { key = \"T-9\" }\n";
    let plant = "[[target]]\nid = \"gas\"\nplant = \"tank-farm\"\n\
                 title = { zh = \"气体\", en = \"Gas\" }\nselect = { kind = \"concentration\" }\n";
    let interlock = "[[rule]]\nid = \"fan\"\nselect = { kind = \"level\" }\n\
                     detector = \"interlock\"\nwhen = \"on\"\nrequires = { role = \"fan\" }\n\
                     [[rule.level]]\nname = \"x\"\nseverity = \"red\"\n";
    let text = rule("tank", "select = { kind = \"level\" }")
        + &rule("flow", "select = { kind = \"flow\" }")
        + &SITE[SITE.find("[[enterprise]]").unwrap()..]
        + limit
        + plant
        + interlock;
    let points = [point("T-1", Kind::Level, "m")];
    let report = said_with(&[("site.toml", &text)], &points, 0);
    assert_eq!((report.errors, report.warnings), (0, 4), "{}", report.text);
    for line in [
        "1 条规则没有选中任何测点，未监视任何东西 1 rules select no point and watch nothing: flow",
        "现场限值 tank/H 不适用于任何已知测点",
        "1 项必测项没有任何测点 no point is what 1 targets ask for: gas",
        "规则 rule `fan` 无法监视 1 个测点",
        "测点 points: 1, 有规则监视 watched 1",
    ] {
        assert!(report.text.contains(line), "{line}\n{}", report.text);
    }
}
