//! Plans hold for any points; splitting loses only the bad register.

use proptest::prelude::*;

use super::*;
use crate::source::modbus::decode::{Order, ScaleRegister, ScaleWord};

fn register(table: Table, address: u16, raw: Raw) -> Register {
    Register {
        table,
        address,
        decode: Decode::plain(raw, Order::default()),
    }
}

fn any_register() -> impl Strategy<Value = Register> {
    let words = prop_oneof![
        Just(Raw::U16),
        Just(Raw::F32),
        Just(Raw::I64),
        Just(Raw::Bit(3))
    ];
    let register_point = (0_u16..600, words).prop_map(|(a, raw)| register(Table::Holding, a, raw));
    let bit = (0_u16..5_000).prop_map(|a| register(Table::Coil, a, Raw::Bool));
    prop_oneof![4 => register_point, 1 => bit]
}

proptest! {
    #[test]
    fn every_point_is_in_one_block_within_the_limits(
        registers in prop::collection::vec(any_register(), 0..80),
        gap in 0_u16..20,
        longest in 4_u16..=125,
    ) {
        let reach = Reach { gap, registers: longest, bits: 100, holes: Vec::new() };
        let blocks = plan(&registers, &reach);
        let mut seen: Vec<usize> = blocks.iter().flat_map(|block| block.points.clone()).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..registers.len()).collect::<Vec<_>>());
        for block in &blocks {
            let most = if block.table.is_bits() { 100 } else { longest };
            prop_assert!(block.count <= most);
            for &at in &block.points {
                let register = &registers[at];
                prop_assert_eq!(register.table, block.table);
                prop_assert!(register.address >= block.start && register.end() <= block.end());
            }
        }
    }

    #[test]
    fn splitting_loses_only_points_on_bad_registers(
        registers in prop::collection::vec(any_register(), 1..60),
        bad in 0_u32..600,
    ) {
        let touches = |block: &Block| {
            u32::from(block.start) <= bad && bad < block.end() && !block.table.is_bits()
        };
        let mut work = plan(&registers, &Reach { gap: 16, ..Reach::default() });
        let (mut read, mut lost, mut requests) = (0, Vec::new(), 0);
        while let Some(block) = work.pop() {
            requests += 1;
            prop_assert!(requests < 1_000);
            if !touches(&block) {
                read += block.points.len();
                continue;
            }
            match block.split(&registers) {
                Some(halves) => work.extend(halves),
                None => lost.extend(block.points),
            }
        }
        prop_assert_eq!(read + lost.len(), registers.len());
        for at in lost {
            let register = &registers[at];
            prop_assert!(u32::from(register.address) <= bad && bad < register.end());
        }
    }
}

#[test]
fn neighbours_join_and_far_ones_do_not() {
    let registers = [100, 102, 110, 111, 300].map(|a| register(Table::Holding, a, Raw::F32));
    let reach = |gap| Reach {
        gap,
        ..Reach::default()
    };
    let spans = |gap| -> Vec<(u16, u16)> {
        let blocks = plan(&registers, &reach(gap));
        blocks.iter().map(|b| (b.start, b.count)).collect()
    };
    assert_eq!(spans(0), [(100, 4), (110, 3), (300, 2)]);
    assert_eq!(spans(6), [(100, 13), (300, 2)]);
}

#[test]
fn no_block_crosses_a_known_hole() {
    let registers = [100, 104, 108].map(|a| register(Table::Holding, a, Raw::U16));
    let holes = |table, addresses| vec![Hole { table, addresses }];
    let spans = |holes| -> Vec<(u16, u16)> {
        let reach = Reach {
            gap: 16,
            holes,
            ..Reach::default()
        };
        let blocks = plan(&registers, &reach);
        blocks.iter().map(|b| (b.start, b.count)).collect()
    };
    assert_eq!(spans(Vec::new()), [(100, 9)]);
    assert_eq!(
        spans(holes(Table::Holding, 105..=107)),
        [(100, 5), (108, 1)]
    );
    assert_eq!(
        spans(holes(Table::Holding, 101..=101)),
        [(100, 1), (104, 5)]
    );
    assert_eq!(spans(holes(Table::Input, 101..=101)), [(100, 9)]);
    // A point in a hole is somebody's wish.
    assert_eq!(spans(holes(Table::Holding, 104..=104)), [(100, 9)]);
}

#[test]
fn a_number_and_its_scale_come_in_one_read() {
    let mut scaled = register(Table::Holding, 10, Raw::I16);
    scaled.decode.scale = Some(ScaleRegister {
        address: 4,
        holds: ScaleWord::PowerOfTen,
    });
    let registers = [scaled.clone(), register(Table::Holding, 200, Raw::U16)];
    let blocks = plan(&registers, &Reach::default());
    assert_eq!((blocks[0].start, blocks[0].count), (4, 7));
    assert_eq!(scaled.span(), 7);
    let reading = |words: &[u16]| scaled.of_words(4, words);
    let good = |number| Reading::Good(fenghuo_model::Value::F64(number));
    assert_eq!(reading(&[0xffff, 0, 0, 0, 0, 0, 2_305]), good(230.5));
    assert_eq!(reading(&[2, 0, 0, 0, 0, 0, 0xffff]), good(-100.0));
    let none = Reading::Bad(Reason::NotANumber);
    assert_eq!(
        reading(&[0x8000, 0, 0, 0, 0, 0, 5]),
        none,
        "the device lacks the scale"
    );
    assert_eq!(reading(&[11, 0, 0, 0, 0, 0, 5]), none, "no power of ten");
    assert_eq!(reading(&[1]), Reading::Bad(Reason::BadReply));
}

#[test]
fn a_point_at_the_end_of_the_table_is_valid_and_past_it_is_not() {
    assert!(register(Table::Holding, 0xfffe, Raw::F32).is_valid());
    assert!(!register(Table::Holding, 0xffff, Raw::F32).is_valid());
    assert!(!register(Table::Coil, 1, Raw::U16).is_valid());
    assert!(!register(Table::Input, 1, Raw::Bool).is_valid());
}
