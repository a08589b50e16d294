//! What the words of a device may mean, by how plausible the values would be. Pure.
//!
//! A guess and no more: a map in the manual always wins. A pair of registers counts for an
//! order when, read so as a 32-bit float, it is a number of the size that instruments give, in
//! every look at it, and does not leap between two looks. An order is named only when it has
//! clearly more pairs than any other.

use crate::source::modbus::decode::Order;

/// Names of the orders, and the same in code.
pub const ORDERS: [&str; 4] = ["ABCD", "CDAB", "BADC", "DCBA"];
/// Sizes that instruments give; zero counts too, where not all looks are zero.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 1e-3..=1e6;
/// By how much a value may change between two looks.
const LEAP: f64 = 0.5;

/// What two neighbouring registers held, look by look.
pub type Looks = Vec<[u16; 2]>;

/// Whether the looks of a pair are plausible as floats in an order.
#[must_use]
pub fn is_float(looks: &Looks, order: Order) -> bool {
    let numbers: Vec<f64> = looks.iter().map(|words| float(*words, order)).collect();
    let is_plausible = |number: &f64| *number == 0.0 || PLAUSIBLE.contains(&number.abs());
    let leaps = |pair: &[f64]| {
        let size = pair[0].abs().max(pair[1].abs());
        (pair[0] - pair[1]).abs() > LEAP * size
    };
    numbers.iter().all(is_plausible)
        && numbers.iter().any(|number| *number != 0.0)
        && !numbers.windows(2).any(leaps)
}

fn float(words: [u16; 2], order: Order) -> f64 {
    // Four bytes are a float of 32 bits.
    let bits = u32::try_from(order.number(&words)).unwrap_or(u32::MAX);
    f64::from(f32::from_bits(bits))
}

/// How many floats there would be in each order, run by run side by side, and the order that
/// clearly has most. An order and the one with its words reversed see each other's floats
/// shifted by a register: there one float more decides.
#[must_use]
pub fn order(runs: &[Vec<Vec<u16>>]) -> ([usize; 4], Option<&'static str>) {
    let count = |name: &str| -> usize {
        let order = Order::parse(name, 2);
        let floats = |looks: &Vec<Vec<u16>>| {
            let points = points(0, looks, order);
            points.iter().filter(|(_, is_float)| *is_float).count()
        };
        runs.iter().map(floats).sum()
    };
    let counts = ORDERS.map(count);
    let best = (0..4).max_by_key(|at| counts[*at]).unwrap_or(0);
    let twin = best ^ 1;
    let others = (0..4).filter(|at| *at != best && *at != twin);
    let most = others.map(|at| counts[at]).max().unwrap_or(0);
    let is_clear = counts[best] >= 2 && counts[best] > counts[twin] && counts[best] >= 2 * most;
    (counts, is_clear.then_some(ORDERS[best]))
}

/// What a run of registers may be, by the order: first address of each, and whether it is a
/// float (two registers) or a plain register.
#[must_use]
pub fn points(first: u16, looks: &[Vec<u16>], order: Option<Order>) -> Vec<(u16, bool)> {
    let count = looks.first().map_or(0, Vec::len);
    let (mut at, mut found) = (0, Vec::new());
    while at < count {
        let pair: Option<Looks> = (at + 1 < count).then(|| {
            looks
                .iter()
                .map(|words| [words[at], words[at + 1]])
                .collect()
        });
        let is_pair = order.is_some_and(|order| pair.is_some_and(|pair| is_float(&pair, order)));
        if let Ok(offset) = u16::try_from(at) {
            found.push((first.saturating_add(offset), is_pair));
        }
        at += if is_pair { 2 } else { 1 };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three looks at numbers that drift a little.
    fn looks(numbers: &[f32], order: &str) -> Vec<Vec<u16>> {
        let look = |step: u16| {
            let words = numbers.iter().flat_map(|number| {
                let number = number * (1.0 + f32::from(step) * 0.01);
                let [a, b, c, d] = number.to_be_bytes();
                let at = |letter: char| match letter {
                    'A' => a,
                    'B' => b,
                    'C' => c,
                    _ => d,
                };
                let bytes: Vec<u8> = order.chars().map(at).collect();
                [
                    u16::from_be_bytes([bytes[0], bytes[1]]),
                    u16::from_be_bytes([bytes[2], bytes[3]]),
                ]
            });
            words.collect()
        };
        (0..3).map(look).collect()
    }

    #[test]
    fn the_order_of_floats_is_found_in_all_four() {
        for order in ORDERS {
            let looks = looks(&[21.5, 3.2, 101.3, 0.47, 7_800.0], order);
            let (counts, best) = super::order(std::slice::from_ref(&looks));
            assert_eq!(best, Some(order), "{counts:?}");
            let points = points(100, &looks, Order::parse(order, 2));
            let wanted = [100, 102, 104, 106, 108].map(|at| (at, true));
            assert_eq!(points, wanted, "{order}");
        }
    }

    #[test]
    fn plain_registers_are_no_floats() {
        let looks = vec![vec![0, 1, 230, 4, 0, 65_535, 12]; 3];
        assert_eq!(order(std::slice::from_ref(&looks)).1, None);
        assert_eq!(points(5, &looks, None).len(), 7);
    }
}
