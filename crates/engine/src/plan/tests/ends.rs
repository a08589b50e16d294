//! Ends, acknowledgements, repeats and silences.

use super::{About, Desk, Story, check, settings};

const DUTY: &str = "[[receiver]]\nname = 'duty'\ncarriers = ['sms']\nrepeat = '1m'";

// peers 56
#[test]
fn who_was_told_is_told_of_the_end_at_once() {
    check(
        DUTY,
        "1 raise a1 yellow\n2 ack a1\n3 return a1\n200",
        "1 duty alarm a1=called\n3 duty returned a1=returned",
    );
    check(
        DUTY,
        "1 raise a1 red\n2 latch a1\n200",
        "1 duty alarm a1=called\n2 duty returned a1=returned",
    );
}

#[test]
fn a_receiver_may_not_want_to_hear_of_ends() {
    let mute = "[[receiver]]\nname = 'duty'\ncarriers = ['sms']\nreturned = false";
    check(
        mute,
        "1 raise a1 yellow\n3 return a1",
        "1 duty alarm a1=called",
    );
}

#[test]
fn an_alarm_merged_into_another_one_has_not_ended() {
    check(DUTY, "1 raise a1 red retro\n5 merge a1\n100", "");
}

#[test]
fn it_is_repeated_until_it_is_seen_or_over() {
    check(
        DUTY,
        "1 raise a1 yellow\n2 raise a2 orange\n130 ack a1\n150 return a2\n400",
        "1 duty alarm a1=called
         2 duty alarm a2=called
         61 duty repeat a1=repeated
         62 duty repeat a2=repeated
         121 duty repeat a1=repeated
         122 duty repeat a2=repeated
         150 duty returned a2=returned",
    );
}

#[test]
fn repeats_of_one_second_come_together() {
    check(
        DUTY,
        "1 raise a1 yellow\n1 raise a2 red\n70",
        "1 duty alarm a1=called\n1 duty alarm a2=called\n61 duty repeat a2=repeated a1=repeated",
    );
}

#[test]
fn a_cover_stops_repeats_and_its_end_begins_them_anew() {
    check(
        DUTY,
        "1 raise a1 yellow\n30 shelve a1\n100 unshelve a1\n161",
        "1 duty alarm a1=called\n160 duty repeat a1=repeated",
    );
}

#[test]
fn a_rearmed_alarm_is_told_again() {
    check(
        DUTY,
        "1 raise a1 yellow\n2 ack a1\n100 realarm a1\n161",
        "1 duty alarm a1=called\n100 duty repeat a1=repeated\n160 duty repeat a1=repeated",
    );
}

#[test]
fn low_alarms_behind_a_dead_device_are_not_repeated_and_severe_ones_are() {
    check(
        DUTY,
        "1 raise a1 yellow\n1 raise a2 red\n9 orphan a1\n9 orphan a2\n70 release a1\n130",
        "1 duty alarm a1=called
         1 duty alarm a2=called
         61 duty repeat a2=repeated
         121 duty repeat a2=repeated a1=repeated",
    );
}

// peers 57
#[test]
fn a_silence_stops_sending_at_once_and_its_end_tells_what_is_up() {
    check(
        DUTY,
        "1 silence s area=a 100
         2 raise a1 red
         3 raise a2 red
         4 raise b1 red
         9 return a2
         150",
        "4 duty alarm b1=called
         64 duty repeat b1=repeated
         101 duty alarm a1=called
         124 duty repeat b1=repeated",
    );
}

#[test]
fn a_silence_may_end_early() {
    check(
        DUTY,
        "1 silence s area=a 1000\n2 raise a1 red\n10 unsilence s\n11",
        "11 duty alarm a1=called",
    );
}

#[test]
fn an_alarm_is_silent_until_its_last_silence_ends() {
    check(
        DUTY,
        "1 silence s area=a 10\n1 silence t severity=red 20\n2 raise a1 red\n30",
        "21 duty alarm a1=called",
    );
}

#[test]
fn what_was_told_before_a_silence_goes_on_after_it() {
    check(
        DUTY,
        "1 raise a1 red\n1 raise a2 red\n30 silence s area=a 100\n70 return a2\n200",
        "1 duty alarm a1=called
         1 duty alarm a2=called
         130 duty repeat a1=repeated
         130 duty returned a2=returned
         190 duty repeat a1=repeated",
    );
}

#[test]
fn a_step_overdue_in_a_silence_is_told_after_it() {
    let head = "[[receiver]]\nname = 'head'\ncarriers = ['sms']\ntier = 1";
    check(
        head,
        "1 raise a1 red\n2 silence s area=a 100\n61 overdue a1 1\n90 overdue a1 2\n200",
        "102 head escalation a1=acknowledge:2",
    );
}

#[test]
fn a_silence_that_begins_while_a_group_waits_holds_it() {
    let group = "[[receiver]]\nname = 'duty'\ncarriers = ['sms']\nwait = '10s'";
    check(
        group,
        "1 raise a1 yellow\n2 raise b1 yellow\n3 raise a2 yellow\n4 return a2\n5 silence s area=a 30\n60",
        "11 duty alarm b1=called\n45 duty alarm a1=called",
    );
}

// peers 59
#[test]
fn nothing_is_left_of_what_is_over() {
    let mut story = Story::new(&settings(DUTY));
    for line in [
        "1 raise a1 red",
        "1 raise a2 yellow",
        "2 silence s area=a 5",
        "3 raise a3 blue",
        "4 return a1",
        "5 return a2",
        "5 return a3",
        "6 shelve b1",
        "7 raise b1 red",
        "8 return b1",
        "30",
    ] {
        story.line(line);
    }
    assert!(story.planner.is_empty());
    let mut desks = story.planner.desks.values();
    assert!(desks.all(Desk::is_clear));
}

#[test]
fn a_raise_in_a_silence_is_told_though_an_earlier_end_still_waits() {
    let night = "
        [[receiver]]
        name = 'duty'
        carriers = ['sms']
        quiet = { calendar = 'night', below = 'orange' }
        [[calendar]]
        id = 'night'
        from = '00:01'
        to = '00:05'";
    check(
        night,
        "1 raise a1 blue\n100 return a1\n101 silence s area=a 20\n102 raise a1 blue\n400",
        "1 duty alarm a1=called\n300 duty digest_quiet a1=called",
    );
}

#[test]
fn an_end_in_the_second_in_which_a_silence_ends_is_told_once() {
    check(
        DUTY,
        "1 raise a1 blue\n2 silence s area=a 40\n3 return a1\n4 raise a1 red\n100 started\n100 return a1\n120",
        "1 duty alarm a1=called\n100 duty returned a1=returned",
    );
}

#[test]
fn very_many_repeats_come_as_a_few_digests() {
    let mut story = Story::new(&settings(DUTY));
    for point in 0..2_500 {
        story.line(&format!("1 raise a{point} blue"));
    }
    // Ten were single; the others are in the digest at 61, and all of them again after it.
    assert_eq!(story.told.len(), 10);
    story.line("185");
    let digests = &story.told[10..];
    let lines = digests.iter().map(|it| it.alarms.len() + it.more as usize);
    assert!(lines.sum::<usize>() >= 2_490 + 2_500);
    let raises = digests.iter().map(|it| it.raises[0]);
    assert_eq!(raises.sum::<u32>(), 2_490);
    assert_eq!(digests.len(), 3);
}

#[test]
fn very_many_repeats_without_a_flood_list_no_more_than_a_notice_holds() {
    let calm = format!("{DUTY}\nflood = {{ over = 1000, under = 5 }}");
    let mut story = Story::new(&settings(&calm));
    for point in 0..200 {
        let severity = if point % 2 == 0 { "red" } else { "blue" };
        story.line(&format!("1 raise a{point} {severity}"));
    }
    story.line("122");
    let repeats: Vec<_> = story.told[200..]
        .iter()
        .map(|it| it.kind.as_str())
        .collect();
    assert_eq!(repeats, ["repeat", "digest_flood", "repeat"]);
    let severe = &story.told[200].alarms[0];
    assert_eq!(severe.severity.as_str(), "red");
}

#[test]
fn repeats_of_a_raise_are_numbered() {
    let mut story = Story::new(&settings(
        "[[receiver]]\nname = \"duty\"\ncarriers = [\"sms\"]\nsettle = \"0s\"\nrepeat = \"1m\"",
    ));
    for line in [
        "1 raise a1 red",
        "130",
        "131 return a1",
        "132 raise a1 red",
        "200",
    ] {
        story.line(line);
    }
    let told = story.told.iter().flat_map(|notice| &notice.alarms);
    let told: Vec<_> = told.map(|line| (line.about, line.nth)).collect();
    let (called, repeated) = (About::Called, About::Repeated);
    let expected = [
        (called, 0),
        (repeated, 1),
        (repeated, 2),
        (About::Returned, 0),
        (called, 0),
        (repeated, 1),
    ];
    assert_eq!(told, expected);
}
