//! Local times as devices write them: `%Y-%m-%d %H:%M:%S` with a fixed offset. Pure.
//!
//! | in the pattern | stands for |
//! | --- | --- |
//! | `%Y` | the year, 4 digits |
//! | `%m` `%d` `%H` `%M` `%S` | month, day, hour, minute, second, 2 digits |
//! | `%-m` `%-d` `%-H` `%-M` `%-S` | the same, 1 or 2 digits |
//! | `%f` | a fraction of the second, 1 to 9 digits, without its point |
//! | `%%` | a percent sign |
//! | anything else | itself |

use fenghuo_model::Timestamp;

use super::{days, days_in, offset_minutes};

/// A checked pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern {
    pieces: Vec<Piece>,
    offset_minutes: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Piece {
    Literal(char),
    Part { part: Part, least: usize },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

impl Part {
    const fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'Y' => Self::Year,
            'm' => Self::Month,
            'd' => Self::Day,
            'H' => Self::Hour,
            'M' => Self::Minute,
            'S' => Self::Second,
            'f' => Self::Fraction,
            _ => return None,
        })
    }

    const fn digits(self) -> usize {
        match self {
            Self::Year => 4,
            Self::Fraction => 9,
            _ => 2,
        }
    }
}

impl Pattern {
    /// Checks a pattern, and how far its local time is ahead of UTC, as `+08:00` or `Z`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str, offset: &str) -> Result<Self, String> {
        let offset_minutes = offset_minutes(offset)
            .ok_or_else(|| format!("`{offset}` is not an offset such as +08:00"))?;
        let mut pieces = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                pieces.push(Piece::Literal(letter));
                continue;
            }
            let (is_short, letter) = match letters.next() {
                Some('-') => (true, letters.next()),
                letter => (false, letter),
            };
            pieces.push(match (letter, letter.and_then(Part::of)) {
                (Some('%'), _) if !is_short => Piece::Literal('%'),
                (_, Some(part)) => Piece::Part {
                    part,
                    least: match part {
                        Part::Fraction => 1,
                        Part::Year => 4,
                        part if is_short => part.digits() - 1,
                        part => part.digits(),
                    },
                },
                _ => return Err(format!("`{text}` has a % that stands for nothing")),
            });
        }
        for needed in [Part::Year, Part::Month, Part::Day, Part::Hour] {
            let is_it =
                |piece: &Piece| matches!(piece, Piece::Part { part, .. } if *part == needed);
            if !pieces.iter().any(is_it) {
                return Err(format!("`{text}` lacks one of %Y %m %d %H"));
            }
        }
        Ok(Self {
            pieces,
            offset_minutes,
        })
    }

    /// The time in a text that is written so; `None` when it is not.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut hour, mut minute, mut second, mut ms) = (0, 0, 0, 0);
        let mut rest = text;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(letter) => rest = rest.strip_prefix(*letter)?,
                Piece::Part { part, least } => {
                    let digits = leading(rest, *least, part.digits())?;
                    rest = rest.get(digits.len()..)?;
                    let number = digits.parse::<i64>().ok()?;
                    match part {
                        Part::Year => year = number,
                        Part::Month => month = number,
                        Part::Day => day = number,
                        Part::Hour => hour = number,
                        Part::Minute => minute = number,
                        Part::Second => second = number,
                        Part::Fraction => ms = format!("{digits:0<3}").get(..3)?.parse().ok()?,
                    }
                }
            }
        }
        let fits = rest.is_empty()
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let minutes = days(year, month, day) * 1_440 + hour * 60 + minute - self.offset_minutes;
        fits.then(|| Timestamp::from_millis((minutes * 60 + second) * 1_000 + ms))
    }
}

/// The digits at the start of a text, at most so many; `None` when there are too few.
fn leading(text: &str, least: usize, most: usize) -> Option<&str> {
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    (count >= least).then(|| text.get(..count)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, text: &str) -> Option<i64> {
        let pattern = Pattern::new(pattern, "+08:00").unwrap();
        pattern.read(text).map(Timestamp::as_millis)
    }

    #[test]
    fn local_times_are_moved_by_their_offset() {
        let wanted = Some(1_795_392_000_000);
        for (pattern, text) in [
            ("%Y-%m-%d %H:%M:%S", "2026-11-23 08:00:00"),
            ("%Y/%m/%d %H:%M", "2026/11/23 08:00"),
            ("%Y%m%d%H%M%S", "20261123080000"),
            ("%Y年%-m月%-d日 %-H时%-M分", "2026年11月23日 8时0分"),
            ("%d.%m.%Y %H:%M:%S.%f", "23.11.2026 08:00:00.0009"),
        ] {
            assert_eq!(read(pattern, text), wanted, "{pattern}");
        }
        let ms = read("%Y%m%d%H%M%S.%f", "20261123080000.25");
        assert_eq!(ms, Some(1_795_392_000_250));
    }

    #[test]
    fn what_is_written_otherwise_is_no_time() {
        for text in [
            "",
            "2026-11-23 08:00:0",
            "2026-11-23 08:00:00 ",
            "2026-13-23 08:00:00",
            "2026-02-30 08:00:00",
            "2026-11-23 24:00:00",
            "２026-11-23 08:00:00",
        ] {
            assert_eq!(read("%Y-%m-%d %H:%M:%S", text), None, "{text}");
        }
    }

    #[test]
    fn patterns_are_checked() {
        assert!(Pattern::new("%Y-%m-%d %H", "8").is_err());
        assert!(Pattern::new("%Y-%m-%d %Q", "Z").is_err());
        assert!(Pattern::new("%H:%M", "Z").is_err());
        assert!(Pattern::new("%Y-%m-%d %H %", "Z").is_err());
        assert!(Pattern::new("%Y %m %d %H %%", "Z").is_ok());
    }
}
