//! Two lists of lines, one above the other: what both have, what is missing, what is new.

/// Larger comparisons (lines times lines) show only what lies between the equal ends.
const CELLS_MAX: usize = 4_000_000;

/// The difference, a line each: two blanks for a line that both have, `- ` for an expected
/// one that did not come, `+ ` for one that came.
#[must_use]
pub fn diff(expected: &[String], got: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let head = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let (left, right) = (&expected[head..], &got[head..]);
    let tail = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (left, right) = (&left[..left.len() - tail], &right[..right.len() - tail]);
    out.extend(expected[..head].iter().map(|line| format!("  {line}")));
    if left.len().saturating_mul(right.len()) > CELLS_MAX {
        out.extend(left.iter().map(|line| format!("- {line}")));
        out.extend(right.iter().map(|line| format!("+ {line}")));
    } else {
        middle(left, right, &mut out);
    }
    let tail = &expected[expected.len() - tail..];
    out.extend(tail.iter().map(|line| format!("  {line}")));
    out
}

/// By the longest common subsequence.
fn middle(left: &[String], right: &[String], out: &mut Vec<String>) {
    let width = right.len() + 1;
    let mut common = vec![0_u32; (left.len() + 1) * width];
    for (i, a) in left.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            common[i * width + j] = if a == b {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            out.push(format!("  {}", left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len()
            || (i < left.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            out.push(format!("- {}", left[i]));
            i += 1;
        } else {
            out.push(format!("+ {}", right[j]));
            j += 1;
        }
    }
}
