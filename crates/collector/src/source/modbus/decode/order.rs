//! How the bytes of a number lie in its registers.
//!
//! Orders are named as a device's manual does: letters are bytes, A the most significant,
//! written as they arrive. An order is made of up to three swaps: the bytes of each word, the
//! words of each pair, and the pairs of a number of four words.

/// One of the orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    bytes_swapped: bool,
    /// Bit by bit, what changes in the place of a word.
    places: usize,
}

/// Words of each pair are swapped.
const WORDS: usize = 1;
/// The pairs are.
const PAIRS: usize = 2;

impl Order {
    /// Parses an order for a number of this many registers; a text of any length has the
    /// orders of one register.
    #[must_use]
    pub fn parse(text: &str, words: u16) -> Option<Self> {
        let (bytes_swapped, places) = match (words, text) {
            (1, "AB") | (2, "ABCD") | (4, "ABCDEFGH") => (false, 0),
            (1, "BA") | (2, "BADC") | (4, "BADCFEHG") => (true, 0),
            (2, "CDAB") | (4, "CDABGHEF") => (false, WORDS),
            (2, "DCBA") | (4, "DCBAHGFE") => (true, WORDS),
            (4, "EFGHABCD") => (false, PAIRS),
            (4, "FEHGBADC") => (true, PAIRS),
            (4, "GHEFCDAB") => (false, WORDS | PAIRS),
            (4, "HGFEDCBA") => (true, WORDS | PAIRS),
            _ => return None,
        };
        Some(Self {
            bytes_swapped,
            places,
        })
    }

    /// The names for a number of this many registers.
    #[must_use]
    pub const fn names(words: u16) -> &'static str {
        match words {
            1 => "AB, BA",
            2 => "ABCD, CDAB, BADC, DCBA",
            _ => "ABCDEFGH, GHEFCDAB, BADCFEHG, HGFEDCBA, EFGHABCD, CDABGHEF, FEHGBADC, DCBAHGFE",
        }
    }

    /// The bytes of one register, the first first.
    #[must_use]
    pub const fn bytes(self, word: u16) -> [u8; 2] {
        self.word(word).to_be_bytes()
    }

    const fn word(self, word: u16) -> u16 {
        if self.bytes_swapped {
            word.swap_bytes()
        } else {
            word
        }
    }

    /// One, two or four registers as one number, most significant first.
    #[must_use]
    pub fn number(self, words: &[u16]) -> u64 {
        let places = (0..words.len()).filter_map(|place| words.get(place ^ self.places));
        places.fold(0, |bits, word| bits << 16 | u64::from(self.word(*word)))
    }
}
