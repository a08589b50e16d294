//! Groups, quiet hours, floods, and what follows a start.

use std::fmt::Write;

use super::{Story, check, settings};

const GROUPS: &str = "
    [[receiver]]
    name = 'duty'
    carriers = ['sms']
    group_by = ['area']
    wait = '10s'";

#[test]
fn a_group_gathers_and_severe_alarms_do_not_wait() {
    check(
        GROUPS,
        "1 raise a1 yellow
         3 raise a2 blue
         4 raise b1 blue
         5 raise a3 orange
         12 raise a4 blue
         30",
        "5 duty alarm a3=called
         11 duty alarm a1=called a2=called
         14 duty alarm b1=called
         22 duty alarm a4=called",
    );
}

#[test]
fn an_alarm_that_is_over_before_its_group_was_told_is_a_fleeting_line() {
    check(
        GROUPS,
        "1 raise a1 yellow\n2 return a1\n3 raise a2 yellow\n4 return a2\n5 raise a2 yellow\n60",
        "11 duty alarm a1=fleeting a2=called*2",
    );
}

#[test]
fn an_alarm_covered_before_its_group_was_told_is_not_told() {
    check(GROUPS, "1 raise a1 yellow\n2 shelve a1\n60", "");
    check(
        GROUPS,
        "1 raise a1 yellow\n2 shelve a1\n30 unshelve a1\n60",
        "40 duty alarm a1=called",
    );
    // It came and went before that.
    check(
        GROUPS,
        "1 raise a1 yellow\n2 return a1\n3 raise a1 yellow\n4 shelve a1\n60",
        "11 duty alarm a1=fleeting",
    );
}

#[test]
fn a_low_alarm_that_comes_again_as_a_severe_one_waits_no_longer() {
    check(
        GROUPS,
        "1 raise a1 yellow\n2 return a1\n3 raise a1 red\n60",
        "3 duty alarm a1=called*2",
    );
}

const NIGHT: &str = "
    [[receiver]]
    name = 'duty'
    carriers = ['sms']
    repeat = '1h'
    quiet = { calendar = 'night', below = 'orange' }
    [[calendar]]
    id = 'night'
    from = '22:00'
    to = '00:10'";

#[test]
fn quiet_hours_keep_low_alarms_for_their_end() {
    check(
        NIGHT,
        "1 raise a1 yellow
         2 raise a2 blue
         3 raise a3 red
         4 return a2
         599 raise a4 yellow
         600
         601 raise a5 blue
         602 return a1",
        "3 duty alarm a3=called
         600 duty digest_quiet a1=called a4=called a2=fleeting
         601 duty alarm a5=called
         602 duty returned a1=returned",
    );
}

#[test]
fn what_began_before_the_quiet_hours_ends_in_their_digest() {
    check(
        NIGHT,
        "700 raise a1 yellow\n79200\n79201 return a1\n87000 raise a2 blue",
        "700 duty alarm a1=called
         4300 duty repeat a1=repeated
         7900 duty repeat a1=repeated
         11500 duty repeat a1=repeated
         15100 duty repeat a1=repeated
         18700 duty repeat a1=repeated
         22300 duty repeat a1=repeated
         25900 duty repeat a1=repeated
         29500 duty repeat a1=repeated
         33100 duty repeat a1=repeated
         36700 duty repeat a1=repeated
         40300 duty repeat a1=repeated
         43900 duty repeat a1=repeated
         47500 duty repeat a1=repeated
         51100 duty repeat a1=repeated
         54700 duty repeat a1=repeated
         58300 duty repeat a1=repeated
         61900 duty repeat a1=repeated
         65500 duty repeat a1=repeated
         69100 duty repeat a1=repeated
         72700 duty repeat a1=repeated
         76300 duty repeat a1=repeated
         87000 duty digest_quiet a1=returned
         87000 duty alarm a2=called",
    );
}

const FLOOD: &str = "
    [[receiver]]
    name = 'duty'
    carriers = ['sms']
    flood = { over = 3, under = 2, within = '1m', digest = '10s' }";

#[test]
fn in_a_flood_low_alarms_become_digests_and_severe_ones_stay_single() {
    check(
        FLOOD,
        "1 raise a1 blue
         2 raise a2 blue
         3 raise a3 blue
         4 raise a4 blue
         5 raise a5 red
         6 raise a6 yellow
         7 return a6
         30 raise a7 blue
         40
         70 raise a8 blue
         131 raise a9 blue",
        "1 duty alarm a1=called
         2 duty alarm a2=called
         3 duty alarm a3=called
         5 duty alarm a5=called
         14 duty digest_flood a6=fleeting a4=called
         40 duty digest_flood a7=called
         80 duty digest_flood a8=called
         131 duty alarm a9=called",
    );
}

// peers 60
#[test]
fn many_ends_at_once_become_a_digest_too() {
    let mut story = String::new();
    for point in 1..=6 {
        writeln!(story, "{} raise a{point} blue", point * 100).unwrap();
    }
    for point in 1..=6 {
        writeln!(story, "700 return a{point}").unwrap();
    }
    story.push_str("720");
    let told = super::told(FLOOD, &story);
    let ends: Vec<_> = told.lines().skip(6).collect();
    assert_eq!(
        ends,
        [
            "700 duty returned a1=returned",
            "700 duty returned a2=returned",
            "700 duty returned a3=returned",
            "710 duty digest_flood a4=returned a5=returned a6=returned",
        ]
    );
}

// peers 60
#[test]
fn a_digest_lists_the_worst_and_counts_the_rest() {
    let mut story = Story::new(&settings(FLOOD));
    for point in 0..2_500 {
        let severity = if point == 900 { "yellow" } else { "blue" };
        story.line(&format!("1 raise a{point} {severity}"));
    }
    story.line("11");
    let digest = story.told.last().unwrap().clone();
    assert_eq!(digest.alarms[0].severity.as_str(), "yellow");
    assert_eq!(digest.alarms.len(), crate::plan::LINES_MAX);
    assert_eq!(digest.alarms.len() as u32 + digest.more, 2_497);
    assert_eq!(digest.raises, [2_496, 1, 0, 0]);
    // None of them is told again, and each end is told.
    for point in 0..2_500 {
        story.line(&format!("100 return a{point}"));
    }
    story.line("200");
    let after = story.told.iter().filter(|it| it.at > digest.at);
    assert_eq!(after.map(|it| it.raises[0]).sum::<u32>(), 0);
    assert!(story.planner.is_empty());
}

#[test]
fn after_a_start_low_notices_gather_and_severe_ones_do_not_wait() {
    let receivers = "
        [[receiver]]
        name = 'duty'
        carriers = ['sms']
        repeat = '1m'
        wait = '5s'
        [[receiver]]
        name = 'head'
        carriers = ['sms']
        tier = 1";
    check(
        receivers,
        "1 raise a1 yellow
         2 raise a2 red
         20 raise a3 blue
         22 snapshot
         5000 started
         5001 overdue a1 3
         5001 overdue a2 3
         5002 raise a4 blue
         5029 raise a5 orange
         5031 raise a6 blue
         5040",
        "2 duty alarm a2=called
         6 duty alarm a1=called
         5001 duty repeat a2=repeated
         5001 head escalation a2=acknowledge:3
         5029 duty alarm a5=called
         5030 duty digest_settled a1=repeated a3=called a4=called
         5030 head digest_settled a1=acknowledge:3
         5036 duty alarm a6=called",
    );
}

// peers 55
#[test]
fn a_restart_calls_nobody_again() {
    check(
        GROUPS,
        "1 raise a1 red\n2 raise a2 blue\n20 snapshot\n60 started\n200",
        "1 duty alarm a1=called\n12 duty alarm a2=called",
    );
}

#[test]
fn a_kept_receiver_is_not_told_again_and_a_new_one_gets_a_digest() {
    let mut story = Story::new(&settings(GROUPS));
    for line in [
        "1 raise a1 red",
        "2 raise b1 yellow",
        "3 raise a2 blue",
        "12",
    ] {
        story.line(line);
    }
    story.line("13 raise a3 blue");
    let wider = GROUPS.replace("'10s'", "'20s'");
    let more = format!(
        "{wider}\n[[receiver]]\nname = 'new'\ncarriers = ['sms']\nselect = {{ area = 'a' }}"
    );
    story.planner.configure(&settings(&more));
    story.planner.configure(&settings(&more));
    story.line("60");
    let told = story.show();
    let after: Vec<_> = told.lines().skip(2).collect();
    assert_eq!(
        after,
        [
            "13 duty alarm a2=called",
            "23 duty alarm a3=called",
            "43 new digest_settled a1=called a2=called a3=called",
        ]
    );
}

#[test]
fn a_receiver_that_is_gone_leaves_nothing() {
    let mut story = Story::new(&settings(GROUPS));
    story.line("1 raise a1 yellow");
    story.line("2 return a1");
    story.planner.configure(&crate::plan::Settings::default());
    assert!(story.planner.is_empty());
}
