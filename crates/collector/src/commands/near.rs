//! Which points a person may have meant. Pure.

use std::fmt::Write as _;

/// Near names that are shown.
const NEAR_MAX: usize = 5;
/// Keys that are shown when none is near.
const FIRST_MAX: usize = 10;

/// Words that lead from a key that is not there to one that is: near keys, or the first ones.
pub fn hint<'k>(wanted: &str, keys: impl Iterator<Item = &'k str> + Clone) -> String {
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(usize, &str)> = keys
        .clone()
        .filter_map(|key| Some((nearness(&wanted, &key.to_lowercase())?, key)))
        .collect();
    near.sort_unstable();
    near.truncate(NEAR_MAX);
    if !near.is_empty() {
        let near: Vec<String> = near.iter().map(|(_, key)| format!("`{key}`")).collect();
        return format!("did you mean {}?", near.join(", "));
    }
    let first: Vec<&str> = keys.clone().take(FIRST_MAX).collect();
    let mut text = format!("its points are {}", first.join(", "));
    let more = keys.count() - first.len();
    if more > 0 {
        // Writing into a text cannot fail.
        write!(text, " and {more} more").unwrap_or_default();
    }
    text
}

/// How far apart two keys are; `None` when nobody would mistake one for the other. A part of
/// a key counts as near, as far as it is more than a letter.
fn nearness(wanted: &str, key: &str) -> Option<usize> {
    let distance = distance(wanted, key);
    let is_part = wanted.chars().count() > 1 && key.contains(wanted);
    let near_max = wanted.chars().count() / 3;
    (is_part || distance <= near_max).then_some(distance)
}

/// The least number of letters to change, add or take away (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first_and_else_the_first_keys() {
        assert_eq!(distance("kitten", "sitting"), 3);
        let keys = ["T-101.level", "T-102.level", "T-101.temp", "P-1.run"];
        let hint = |wanted| hint(wanted, keys.iter().copied());
        assert!(hint("t-101.levl").starts_with("did you mean `T-101.level`"));
        assert_eq!(hint("run"), "did you mean `P-1.run`?");
        assert_eq!(hint("nope"), format!("its points are {}", keys.join(", ")));
        let many: Vec<String> = (0..30).map(|n| format!("point{n}")).collect();
        let text = super::hint("x", many.iter().map(String::as_str));
        assert!(text.ends_with("point9 and 20 more"), "{text}");
    }
}
