use super::*;

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
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in rules {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let names: Vec<_> = rules
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let path = dir.path().join("server.toml");
    let text = format!("data_dir = \"data\"\nrules = [{}]\n", names.join(", "));
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
        "server.toml: ok, 2 rule files\n\
         规则 rules: 3, 停用 off 1\n\
         级别 levels: 已布防 armed 2, 缺设计值 unarmed 1\n\
         来源 sources: REG 1, REG-pending 0, DES 1, DEF 0, 未注明 none 1\n\
         现场限值 site limits: 1\n\
         必测项 targets: 0, 登记企业 enterprises: 1\n  \
         停用 off: old\n  \
         缺设计值 design missing: level: H\n  \
         没有规则包规定必测项 no pack requires anything of: tank-farm"
    );
    assert!(report.is_current);
}

#[test]
fn a_standard_past_its_day_fails_the_check() {
    let report = said(&[("pack.toml", PACK)], LAST_DAY + 1);
    assert!(!report.is_current);
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
    assert!(!report.reaches_all);
    let line = "通道不存在 no such carrier: 接收者 receiver room: dutty";
    assert!(report.text.contains(line), "{}", report.text);
    assert!(said(&[], 0).reaches_all);
}
