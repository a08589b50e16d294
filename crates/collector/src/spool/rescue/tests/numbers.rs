//! Numbers of frames that are others in their pages: no page's structure shows that.

use super::*;

const HELD: u64 = 60;
/// The last one of those that are read at once.
const MIDDLE: u64 = 32;
/// What a number becomes: above all that were given, and in the same byte.
const WRONG: u8 = 127;

/// Length and value of a number as `SQLite` writes it (file format, section 1.6).
fn varint(bytes: &[u8]) -> (usize, u64) {
    let length = bytes.iter().position(|byte| *byte < 128).unwrap() + 1;
    let value = bytes[..length].iter();
    (
        length,
        value.fold(0, |value, byte| value << 7 | u64::from(byte & 127)),
    )
}

/// Makes the number of a frame another one, where it stands in a leaf of the file's tree.
fn renumber(file: &Path, seq: u64) {
    let mut bytes = std::fs::read(file).unwrap();
    let word =
        |at: usize, bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let page_bytes = word(16, &bytes);
    let mut found = Vec::new();
    for page in (page_bytes..bytes.len()).step_by(page_bytes) {
        // A leaf of a table, and its cells: length of the row, its number, the row.
        let cells = (bytes[page] == 13).then(|| word(page + 3, &bytes));
        for cell in 0..cells.unwrap_or(0) {
            let at = page + word(page + 8 + cell * 2, &bytes);
            let (skip, length) = varint(&bytes[at..]);
            let (_, number) = varint(&bytes[at + skip..]);
            // Other tables have short rows.
            if number == seq && length > 400 {
                found.push(at + skip);
            }
        }
    }
    let [at] = found[..] else {
        panic!("frame {seq} stands at {found:?}")
    };
    bytes[at] = WRONG;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_wrong_number_hides_no_other_frame_and_is_told() {
    for seq in [1, MIDDLE, HELD] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = reopen(dir.path(), 6).store;
        for seq in 1..=HELD {
            assert_eq!(put(&mut store, &catalog(), seq), seq);
        }
        drop(store);
        renumber(&dir.path().join(FILE), seq);
        if seq == MIDDLE {
            // Delivery finds it, not a start.
            std::fs::write(dir.path().join(SUSPECT), "").unwrap();
        }
        let opened = reopen(dir.path(), 7);
        let rescue = opened.rescue.unwrap();
        // Of the last one nobody knows any more whether it was there.
        let lost = u64::from(seq != HELD);
        assert_eq!(
            (rescue.kept, rescue.lost),
            (HELD - 1, lost),
            "{seq}: {rescue:?}"
        );
        let reader = opened.store.reader().unwrap();
        let entries = reader.read(1, usize::MAX, usize::MAX).unwrap();
        let kept: Vec<_> = entries.iter().map(|entry| entry.position).collect();
        let expected: Vec<_> = (1..=HELD).filter(|number| *number != seq).collect();
        assert_eq!(kept, expected);
    }
}
