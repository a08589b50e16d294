//! The definition, without any thrift: every sample is kept, everything counted anew.

use super::*;

#[derive(Default)]
pub struct Naive {
    pub at: i64,
    begin: Option<i64>,
    samples: Vec<(i64, Answer)>,
}

impl Naive {
    pub fn see(&mut self, spec: &Window, now: &Now) -> Seen {
        let at = now.at.as_millis();
        let begin = *self.begin.get_or_insert(at);
        self.at = self.at.max(at);
        if now.fresh {
            self.samples.push((self.at, now.reading));
        }
        let all = self.samples.len();
        let (is_filled, inside) = match (spec.span, spec.tumbling) {
            (Span::Time(over), false) => {
                let over = over as i64;
                (
                    self.at - begin >= over,
                    self.between(self.at - over + 1, self.at + 1),
                )
            }
            (Span::Time(over), true) => {
                let over = over as i64;
                let end = self.at.div_euclid(over) * over;
                (end - over >= begin, self.between(end - over, end))
            }
            (Span::Samples(count), tumbling) => {
                let count = count as usize;
                let end = if tumbling { all / count * count } else { all };
                let inside = end
                    .checked_sub(count)
                    .map(|from| self.samples[from..end].to_vec());
                (inside.is_some(), inside.unwrap_or_default())
            }
        };
        if is_filled {
            number(spec, &inside)
        } else {
            LEARNING
        }
    }

    fn between(&self, from: i64, to: i64) -> Vec<(i64, Answer)> {
        let inside = self
            .samples
            .iter()
            .filter(|(at, _)| (from..to).contains(at));
        inside.copied().collect()
    }
}

fn number(spec: &Window, samples: &[(i64, Answer)]) -> Seen {
    let known: Vec<_> = samples
        .iter()
        .filter_map(|(_, reading)| reading.ok())
        .collect();
    let missing = samples.iter().rev().find_map(|(_, reading)| reading.err());
    let lacking = (samples.len() - known.len()) as f64;
    if known.is_empty() || lacking / samples.len() as f64 > spec.missing {
        return Seen::Unknown(missing.unwrap_or(Hold::Learning));
    }
    let values: Vec<_> = known.iter().map(|(value, _)| *value).collect();
    let number = statistic(spec.stat, &values);
    Seen::Number(number, known.iter().any(|(_, doubtful)| *doubtful))
}

fn statistic(stat: Stat, values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    match stat {
        Stat::Min => values.iter().copied().fold(f64::MAX, f64::min),
        Stat::Max => values.iter().copied().fold(f64::MIN, f64::max),
        Stat::Mean => sum / count,
        Stat::Sum => sum,
        Stat::Delta => values[values.len() - 1] - values[0],
        Stat::Deviation => {
            let squares = values.iter().map(|value| (value - sum / count).powi(2));
            (squares.sum::<f64>() / count).sqrt()
        }
        Stat::Quantile(share) => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let place = (count - 1.0) * share;
            let (low, high) = (
                sorted[place.floor() as usize],
                sorted[place.ceil() as usize],
            );
            low + (high - low) * place.fract()
        }
    }
}
