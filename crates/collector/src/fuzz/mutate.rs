//! Ways in which bytes go bad. Pure: the same dice give the same bytes.

use super::Corpus;
use crate::dice::Dice;

/// Bytes at which lengths, signs and texts break.
const EDGES: [u8; 12] = [0, 1, 2, 9, 10, 0x20, 0x22, 0x5c, 0x7f, 0x80, 0xfe, 0xff];
/// Most changes of one input.
const CHANGES_MAX: u64 = 6;

fn below(dice: &mut Dice, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).unwrap_or(1);
    usize::try_from(dice.roll() % bound).unwrap_or(0)
}

fn pick<'a, T>(list: &'a [T], dice: &mut Dice) -> Option<&'a T> {
    list.get(below(dice, list.len()))
}

/// A stretch of the bytes, not longer than `most`.
fn stretch(bytes: &[u8], most: usize, dice: &mut Dice) -> (usize, usize) {
    let from = below(dice, bytes.len());
    let length = 1 + below(dice, most);
    (from, (from + length).min(bytes.len()))
}

/// One of the corpus, changed in one place or in several.
pub fn harm(corpus: &Corpus, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = pick(&corpus.inputs, dice).cloned().unwrap_or_default();
    for _ in 0..1 + dice.roll() % CHANGES_MAX {
        change(&mut bytes, corpus, dice);
    }
    bytes
}

/// A change in one place.
pub fn change(bytes: &mut Vec<u8>, corpus: &Corpus, dice: &mut Dice) {
    if bytes.is_empty() {
        let byte = pick(&EDGES, dice).copied().unwrap_or_default();
        bytes.push(byte);
        return;
    }
    let at = below(dice, bytes.len());
    match dice.roll() % 12 {
        0 | 1 => bytes[at] ^= 1 << (dice.roll() % 8),
        2 => bytes[at] = pick(&EDGES, dice).copied().unwrap_or_default(),
        // A length, a count or a digit that is a little off.
        3 => bytes[at] = bytes[at].wrapping_add(1 + below(dice, 4) as u8),
        4 => bytes[at] = bytes[at].wrapping_sub(1 + below(dice, 4) as u8),
        5 => bytes.insert(at, pick(&EDGES, dice).copied().unwrap_or_default()),
        6 => {
            let (from, to) = stretch(bytes, 16, dice);
            bytes.drain(from..to);
        }
        7 => bytes.truncate(at),
        8 => {
            let (from, to) = stretch(bytes, 64, dice);
            let again = bytes[from..to].to_vec();
            bytes.splice(at..at, again);
        }
        9 => {
            let other = pick(&corpus.inputs, dice).cloned().unwrap_or_default();
            let (from, to) = stretch(&other, 128, dice);
            let end = (at + below(dice, 32)).min(bytes.len());
            bytes.splice(
                at..end,
                other.get(from..to).unwrap_or_default().iter().copied(),
            );
        }
        10 => {
            let word = pick(&corpus.words, dice).cloned().unwrap_or_default();
            bytes.splice(at..at, word);
        }
        _ => {
            let word = pick(&corpus.words, dice).cloned().unwrap_or_default();
            let end = (at + word.len()).min(bytes.len());
            bytes.splice(at..end, word);
        }
    }
}
