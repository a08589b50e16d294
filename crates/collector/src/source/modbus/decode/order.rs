//! How the bytes of a number lie in its registers.
//!
//! Orders are named as a device's manual does: letters are bytes, A the most significant,
//! written as they arrive. Every order is one of four: words in order or reversed, bytes of
//! a word in order or swapped.

/// One of the four orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    words_reversed: bool,
    bytes_swapped: bool,
}

impl Order {
    /// Parses an order for a number of this many registers; a text of any length has the
    /// orders of one register.
    #[must_use]
    pub fn parse(text: &str, words: u16) -> Option<Self> {
        let order = |words_reversed, bytes_swapped| {
            Some(Self {
                words_reversed,
                bytes_swapped,
            })
        };
        match (words, text) {
            (1, "AB") | (2, "ABCD") | (4, "ABCDEFGH") => order(false, false),
            (1, "BA") | (2, "BADC") | (4, "BADCFEHG") => order(false, true),
            (2, "CDAB") | (4, "GHEFCDAB") => order(true, false),
            (2, "DCBA") | (4, "HGFEDCBA") => order(true, true),
            _ => None,
        }
    }

    /// The names for a number of this many registers.
    #[must_use]
    pub const fn names(words: u16) -> &'static str {
        match words {
            1 => "AB, BA",
            2 => "ABCD, CDAB, BADC, DCBA",
            _ => "ABCDEFGH, GHEFCDAB, BADCFEHG, HGFEDCBA",
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

    /// Up to four registers as one number, most significant first.
    #[must_use]
    pub fn number(self, words: &[u16]) -> u64 {
        let add = |bits: u64, word: &u16| bits << 16 | u64::from(self.word(*word));
        if self.words_reversed {
            words.iter().rev().fold(0, add)
        } else {
            words.iter().fold(0, add)
        }
    }
}
