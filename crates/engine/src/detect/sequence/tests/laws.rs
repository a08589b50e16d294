//! What holds for any story.

use proptest::prelude::*;

use super::*;

/// What is true of good readings, straight from the definition: the states from each look to
/// the next, the own point changing after the second one.
fn naive(order: Order, looks: &[(u64, bool, bool)]) -> Option<bool> {
    let within = 10;
    let turned = |index: usize, pick: fn(&(u64, bool, bool)) -> bool| {
        index > 0 && !pick(&looks[index - 1]) && pick(&looks[index])
    };
    let own = |look: &(u64, bool, bool)| look.1;
    let then = |look: &(u64, bool, bool)| look.2;
    let last = looks.len() - 1;
    let now = looks[last];
    match order {
        Order::Follows => {
            if !now.2 {
                return Some(false);
            }
            let on = (0..=last).rev().find(|index| turned(*index, then))?;
            let starts = (0..on).filter(|index| turned(*index, own));
            let hit = starts
                .map(|index| looks[index].0)
                .any(|t| looks[on].0 <= t + within);
            let blind = looks[on].0 <= looks[0].0 + within;
            if hit {
                Some(true)
            } else {
                (!blind).then_some(false)
            }
        }
        Order::Missing => {
            if !now.1 {
                return Some(false);
            }
            let begin = (0..=last)
                .rev()
                .take_while(|index| looks[*index].1)
                .last()?;
            let fulfilled = looks[begin..].iter().any(then);
            if fulfilled {
                return Some(false);
            }
            turned(begin, own).then(|| now.0 >= looks[begin].0 + within)
        }
    }
}

fn any_state() -> impl Strategy<Value = State> {
    prop_oneof![
        1 => Just(Err(BAD)),
        6 => (any::<bool>(), prop::bool::weighted(0.1)).prop_map(Ok),
    ]
}

proptest! {
    #[test]
    fn good_readings_give_what_the_definition_says(
        steps in prop::collection::vec((1_u64..8, any::<bool>(), any::<bool>()), 1..40),
        missing in any::<bool>(),
    ) {
        let order = if missing { Order::Missing } else { Order::Follows };
        let (mut memory, mut looks, mut ms) = (Memory::default(), Vec::new(), 0);
        for (step, own, then) in steps {
            ms += step;
            looks.push((ms, own, then));
            let seen = look(&mut memory, order, ms, Ok((own, false)), Ok((then, false)));
            let wanted = naive(order, &looks).map_or(
                Seen::Unknown(Hold::Learning),
                |truth| Seen::Truth(truth, false),
            );
            prop_assert_eq!(seen, wanted, "{:?}", looks);
        }
    }

    /// Whatever the unknown readings really were, a sure answer is the right one.
    #[test]
    fn unknown_never_decides_whether_it_followed(
        steps in prop::collection::vec(
            (1_u64..8, any_state(), any_state(), any::<bool>(), any::<bool>()), 1..30),
    ) {
        let (mut blind, mut told, mut ms) = (Memory::default(), Memory::default(), 0);
        let (mut was_up, mut carried) = (false, false);
        for (step, own, then, true_own, true_then) in steps {
            ms += step;
            let good = |state: State, truth| Ok((state.map_or(truth, |(on, _)| on), false));
            let seen = look(&mut blind, Order::Follows, ms, own, then);
            let (own, sure) = (good(own, true_own), good(then, true_then));
            let truth = look(&mut told, Order::Follows, ms, own, sure);
            // What is up outlives a gap in which the second one was off for a moment.
            carried = match then {
                Err(_) => carried || was_up,
                Ok((on, _)) => carried && on,
            };
            if let (Seen::Truth(a, _), Seen::Truth(b, _)) = (seen, truth) {
                let right = a == b || (a && carried);
                prop_assert!(right, "{} but {} at {}", word(seen), word(truth), ms);
            }
            was_up = matches!(seen, Seen::Truth(true, _));
        }
    }

    /// A live lane that took in the backlog answers as one lane would; where readings were
    /// unknown it may know less, and never something else.
    #[test]
    fn joined_lanes_answer_as_one_would(
        steps in prop::collection::vec((0_u64..8, any_state(), any_state()), 2..40),
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        good in any::<bool>(),
        missing in any::<bool>(),
    ) {
        let order = if missing { Order::Missing } else { Order::Follows };
        let (a, b) = (cuts.0.index(steps.len()), cuts.1.index(steps.len()));
        let (cut, join) = (a.min(b), a.max(b));
        let (mut whole, mut older, mut newer) =
            (Memory::default(), Memory::default(), Memory::default());
        let mut ms = 0;
        for (index, (step, own, then)) in steps.into_iter().enumerate() {
            ms += step;
            let sure = |state: State| state.map_or(Ok((false, false)), |(on, _)| Ok((on, false)));
            let (own, then) = if good { (sure(own), sure(then)) } else { (own, then) };
            let one = look(&mut whole, order, ms, own, then);
            if index < cut {
                look(&mut older, order, ms, own, then);
                continue;
            }
            if index == join {
                newer.join(&spec(order), std::mem::take(&mut older));
            }
            let two = look(&mut newer, order, ms, own, then);
            if index >= join && good {
                prop_assert_eq!(one, two, "at {}", ms);
            }
            if let (Seen::Truth(one, _), Seen::Truth(two, _)) = (one, two) {
                prop_assert_eq!(one, two, "at {}", ms);
            }
        }
    }

    #[test]
    fn a_snapshot_changes_nothing(
        steps in prop::collection::vec((0_u64..8, any_state(), any_state(), 0_u8..20), 1..60),
        cut in any::<prop::sample::Index>(),
        missing in any::<bool>(),
    ) {
        let order = if missing { Order::Missing } else { Order::Follows };
        let cut = cut.index(steps.len());
        let (mut memory, mut copy, mut ms) = (Memory::default(), Memory::default(), 0);
        for (index, (step, own, then, kind)) in steps.into_iter().enumerate() {
            if index == cut {
                let bytes = postcard::to_stdvec(&memory).unwrap();
                prop_assert!(bytes.len() < 160, "{} bytes", bytes.len());
                copy = postcard::from_bytes(&bytes).unwrap();
            }
            ms += step;
            if kind == 0 {
                memory.forget();
                copy.forget();
            }
            let seen = look(&mut memory, order, ms, own, then);
            if index >= cut {
                prop_assert_eq!(look(&mut copy, order, ms, own, then), seen);
                prop_assert_eq!(&copy, &memory);
            }
            prop_assert!(memory.due(&spec(order)).is_none_or(|due| due > at(ms)));
        }
    }
}
