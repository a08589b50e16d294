//! Templates, blocks and every way to decode, as they stand in a file.

use super::*;
use crate::source::modbus::Unit;
use crate::source::modbus::decode::{Charset, Half, Layout, Raw, ScaleWord};
use crate::source::modbus::plan::{self, Table};

const HEAD: &str = r#"
enterprise = "e"
gateway = "g"
[spool]
dir = "spool"
[[destination]]
name = "server"
url = "mqtt://127.0.0.1:1883"
"#;

/// Fifty equal meters are fifty lines.
fn meters(count: u8) -> String {
    let template = r#"
[[template]]
name = "meter"
interval_ms = 2000
max_registers = 60
holes = ["holding 20-21", "input 3"]
[[template.point]]
key = "{name}.volt"
title = { zh = "{name} 电压", en = "{name} voltage" }
kind = "power"
unit = "V"
table = "holding"
address = 10
type = "i16"
scale_register = 12
nan = "sunspec"
labels = { meter = "{name}" }
[[template.block]]
count = 3
step = 5
first = 0
[[template.block.point]]
key = "{name}.phase{n}"
kind = "power"
unit = "A"
table = "holding"
address = 30
type = "f32"
[[modbus]]
name = "bus"
address = "127.0.0.1:502"
unit = [
"#;
    let units = (1..=count).map(|id| {
        let base = u32::from(id) * 100;
        format!("  {{ id = {id}, name = \"M{id}\", template = \"meter\", base = {base} }},\n")
    });
    format!("{HEAD}{template}{}]\n", units.collect::<String>())
}

fn read(text: &str) -> Config {
    parse("x.toml", text, &none()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn fifty_equal_meters_are_fifty_lines() {
    let config = read(&meters(50));
    let units = &config.modbus[0].units;
    assert_eq!(units.len(), 50);
    let last: &Unit = &units[49];
    assert_eq!(
        (last.id, last.interval_ms, last.reach.registers),
        (50, 2_000, 60)
    );
    assert_eq!(last.reach.holes[0].addresses, 5_020..=5_021);
    assert_eq!(last.reach.holes[1].table, Table::Input);
    let names: Vec<(&str, u16)> = last
        .points
        .iter()
        .map(|point| {
            let def = &config.catalog.points()[point.index as usize];
            (def.key.as_str(), point.register.address)
        })
        .collect();
    let wanted = [
        ("M50.volt", 5_010),
        ("M50.phase0", 5_030),
        ("M50.phase1", 5_035),
        ("M50.phase2", 5_040),
    ];
    assert_eq!(names, wanted);
    let volt = &last.points[0];
    let scale = volt.register.decode.scale.unwrap();
    assert_eq!((scale.address, scale.holds), (5_012, ScaleWord::PowerOfTen));
    assert_eq!(*volt.register.decode.absent, [0x8000]);
    let def = &config.catalog.points()[volt.index as usize];
    assert_eq!(
        (def.title.zh.as_str(), def.labels["meter"].as_str()),
        ("M50 电压", "M50")
    );
    // The hole at 5020 keeps the voltage and the phases apart.
    let registers: Vec<_> = last.points.iter().map(|it| it.register.clone()).collect();
    let blocks = plan::plan(
        &registers,
        &plan::Reach {
            gap: 60,
            ..last.reach.clone()
        },
    );
    let spans: Vec<_> = blocks
        .iter()
        .map(|block| (block.start, block.count))
        .collect();
    assert_eq!(spans, [(5_010, 3), (5_030, 12)]);
}

/// One point with these keys.
fn point(keys: &str) -> Result<Raw, String> {
    let text = format!(
        "{HEAD}[[modbus]]\nname = \"l\"\naddress = \"h:1\"\n[[modbus.unit]]\nid = 1\n\
         [[modbus.unit.point]]\nkey = \"k\"\nkind = \"state\"\ntable = \"holding\"\n\
         address = 7\n{keys}\n"
    );
    match parse("x", &text, &none()) {
        Ok(config) => Ok(config.modbus[0].units[0].points[0].register.decode.raw),
        Err(problems) => Err(problems.to_string()),
    }
}

#[test]
fn every_way_to_decode_has_its_words() {
    let field = |low, bits, registers| Raw::Field {
        low,
        bits,
        registers,
    };
    let text = |registers, layout| Raw::Text {
        registers,
        layout,
        charset: Charset::Utf8,
    };
    for (keys, raw) in [
        ("type = \"u8\"\nhalf = \"high\"", Raw::U8(Half::High)),
        ("type = \"i8\"\nhalf = \"low\"", Raw::I8(Half::Low)),
        ("type = \"f16\"\norder = \"BA\"", Raw::F16),
        ("type = \"bcd16\"", Raw::Bcd(1)),
        ("type = \"bcd32\"\norder = \"CDAB\"", Raw::Bcd(2)),
        ("type = \"bcd64\"", Raw::Bcd(4)),
        ("type = \"u16\"\nbits = \"4-7\"", field(4, 4, 1)),
        ("type = \"u32\"\nbits = \"31\"", field(31, 1, 2)),
        ("type = \"string\"\nlength = 8", text(8, Layout::Packed)),
        (
            "type = \"string\"\nlength = 8\nencoding = \"gbk\"",
            Raw::Text {
                registers: 8,
                layout: Layout::Packed,
                charset: Charset::Gbk,
            },
        ),
        ("type = \"u64\"\norder = \"EFGHABCD\"", Raw::U64),
        (
            "type = \"string\"\nlength = 125\nlayout = \"byte_per_register\"",
            text(125, Layout::BytePerRegister),
        ),
        (
            "type = \"i16\"\nnames = { \"0\" = \"停\", \"-1\" = \"坏\" }",
            Raw::I16,
        ),
        ("type = \"u16\"\nnan = [0xffff, 0x8000]", Raw::U16),
    ] {
        assert_eq!(point(keys), Ok(raw), "{keys}");
    }
}

#[test]
fn what_is_wrong_with_a_way_to_decode_is_named() {
    for (keys, what) in [
        ("type = \"u8\"", ".half: is missing"),
        (
            "type = \"u8\"\nhalf = \"left\"",
            "`left` is not one of high, low",
        ),
        (
            "type = \"i16\"\nbits = \"1-2\"",
            ".bits: is for u16, u32 and u64",
        ),
        (
            "type = \"u16\"\nbits = \"9-16\"",
            "bit 16; the type ends at bit 15",
        ),
        ("type = \"u64\"\nbits = \"0-63\"", "at most 63 of them"),
        ("type = \"string\"", ".length: is missing"),
        ("type = \"string\"\nlength = 126", "1 to 125"),
        (
            "type = \"string\"\nlength = 2\nscale = 2",
            "is for numbers only",
        ),
        (
            "type = \"u16\"\nnan = [0x10000]",
            "0x10000 does not fit the type",
        ),
        (
            "type = \"f32\"\nnan = \"sunspec\"",
            "no such code for this type",
        ),
        ("type = \"u16\"\nscale_register = 300", "span 294 registers"),
        (
            "type = \"u16\"\nscale_register_holds = \"factor\"",
            "scale_register: is missing",
        ),
        ("type = \"u16\"\nnames = {}", "0 names; 1 to 256"),
        (
            "type = \"f32\"\nnames = { \"0\" = \"a\" }",
            "is for whole numbers only",
        ),
        (
            "type = \"u16\"\nnames = { x = \"a\" }",
            "`x` is not a whole number",
        ),
        (
            "type = \"u16\"\nlabels = { a = \"{n}\" }",
            "this is not in a block",
        ),
        (
            "type = \"u16\"\nlabels = { a = \"{name}\" }",
            "the unit has no name",
        ),
    ] {
        let said = point(keys).expect_err(keys);
        assert!(said.contains(what), "{keys}: {said}");
    }
}

#[test]
fn what_is_wrong_with_templates_is_named() {
    let wrong = |from: &str, to: &str| {
        let text = meters(2).replacen(from, to, 1);
        parse("x", &text, &none()).unwrap_err().to_string()
    };
    assert!(wrong("template = \"meter\"", "template = \"valve\"").contains("known are: meter"));
    assert!(wrong("step = 5\n", "").contains("step: is missing"));
    assert!(wrong("base = 200", "base = 65530").contains("past address 65535"));
    assert!(wrong("\"input 3\"", "\"input x\"").contains("`input x` is not as"));
    assert!(wrong("{name}.phase{n}", "{name}.phase").contains("already another point"));
    assert!(wrong("max_registers = 60", "max_register = 60").contains("is not known here"));
    let unused = meters(1).replace(", template = \"meter\", base = 100", ", point = []");
    assert!(read(&unused).warnings[0].what.contains("no unit uses"));
}

#[test]
fn a_unit_has_limits_of_its_own() {
    let of = |limits: &str| {
        let text = meters(1).replacen("max_registers = 60", limits, 1);
        parse("x", &text, &none()).map_err(|problems| problems.to_string())
    };
    // The template's numbers and their scale span three registers.
    let config = of("max_registers = 3\nmax_bits = 1\npause_ms = 40").unwrap();
    let unit = &config.modbus[0].units[0];
    assert_eq!((unit.reach.registers, unit.reach.bits), (3, 1));
    assert_eq!(unit.pause, std::time::Duration::from_millis(40));
    let said = of("max_registers = 1").unwrap_err();
    assert!(
        said.contains("more than one read of the device brings (1)"),
        "{said}"
    );
    assert!(of("max_bits = 0").unwrap_err().contains("max_bits"));
}

#[test]
fn the_manuals_example_is_a_configuration() {
    let manual = include_str!("../../../../../docs/collector-modbus.md");
    let example = manual.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let config = read(&format!("{HEAD}{example}"));
    let units = &config.modbus[0].units;
    assert_eq!((units.len(), units[1].points[0].register.address), (2, 110));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}
