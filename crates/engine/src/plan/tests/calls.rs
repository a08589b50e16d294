//! Who is called, and who is not.

use super::{Settings, Story, check, settings};

const DUTY: &str = "[[receiver]]\nname = 'duty'\ncarriers = ['sms']";

#[test]
fn a_raise_is_called_at_once() {
    check(
        DUTY,
        "3 raise a1 blue\n4 raise a2 red",
        "3 duty alarm a1=called\n4 duty alarm a2=called",
    );
}

#[test]
fn receivers_choose_by_label_enterprise_and_severity() {
    let receivers = "
        [[receiver]]
        name = 'coal'
        carriers = ['sms']
        select = { enterprise = 'coal' }
        [[receiver]]
        name = 'area-a'
        carriers = ['sms']
        select = { area = ['a', 'b'], severity = 'yellow' }
        [[receiver]]
        name = 'chief'
        carriers = ['sms', 'voice']
        at_least = 'orange'
        [[receiver]]
        name = 'blues'
        carriers = ['sms']
        severities = ['blue']";
    check(
        receivers,
        "1 raise a1 yellow\n2 raise c1 blue\n3 raise d1 red\n4 raise b1 red",
        "1 area-a alarm a1=called
         2 blues alarm c1=called
         2 coal alarm c1=called
         3 chief alarm d1=called
         4 chief alarm b1=called",
    );
}

#[test]
fn an_alarm_that_repeats_itself_counts_one_severity_more() {
    let chief = "[[receiver]]\nname = 'chief'\ncarriers = ['sms']\nat_least = 'orange'";
    check(
        chief,
        "1 raise a1 yellow\n2 raise a2 yellow repeated",
        "2 chief alarm a2=called",
    );
}

#[test]
fn what_is_covered_planned_or_retrospective_calls_nobody() {
    for story in [
        "1 shelve a1\n2 raise a1 red\n3 return a1",
        "1 suppress a1\n2 raise a1 red\n3 return a1",
        "1 askout a1\n2 takeout a1\n3 raise a1 red\n4 return a1",
        "1 raise a1 red planned\n2 return a1",
        "1 raise a1 red retro\n2 merge a1",
    ] {
        check(DUTY, story, "");
    }
}

#[test]
fn what_outlives_its_booking_is_called_for_as_any_other() {
    check(
        DUTY,
        "1 raise a1 red planned\n2 ack a1\n60 planover a1",
        "60 duty alarm a1=called",
    );
    check(
        DUTY,
        "1 shelve a1\n2 raise a1 red planned\n60 planover a1\n70 unshelve a1",
        "70 duty alarm a1=called",
    );
    let group = "[[receiver]]\nname = 'duty'\ncarriers = ['sms']\nwait = '10s'";
    check(
        group,
        "10 raise a1 yellow planned\n60 planover a1\n80",
        "70 duty alarm a1=called",
    );
}

#[test]
fn what_is_still_up_when_its_cover_goes_is_called_for_once() {
    check(
        DUTY,
        "1 shelve a1\n2 raise a1 red\n5 unshelve a1\n7 suppress a1\n8 unsuppress a1",
        "5 duty alarm a1=called",
    );
    check(
        DUTY,
        "1 raise a1 red\n2 shelve a1\n5 unshelve a1",
        "1 duty alarm a1=called",
    );
    check(
        DUTY,
        "1 shelve a1\n1 suppress a1\n2 raise a1 red\n5 unshelve a1\n6 unsuppress a1",
        "6 duty alarm a1=called",
    );
}

#[test]
fn a_promoted_alarm_is_called() {
    check(
        DUTY,
        "1 raise a1 red retro\n9 promote a1",
        "9 duty alarm a1=called",
    );
}

#[test]
fn a_child_of_a_dead_device_is_called_when_it_is_known_again() {
    check(
        DUTY,
        "1 shelve a1\n2 raise a1 red\n3 orphan a1\n4 unshelve a1\n8 release a1",
        "8 duty alarm a1=called",
    );
    // What was told before stays told.
    check(
        DUTY,
        "1 raise a1 red\n3 orphan a1\n8 release a1",
        "1 duty alarm a1=called",
    );
}

// peers 55
#[test]
fn each_raise_of_an_occurrence_is_called_once() {
    let mut story = Story::new(&settings(DUTY));
    story.echo = true;
    for line in [
        "1 raise a1 yellow",
        "2 return a1",
        "3 raise a1 yellow",
        "4 ack a1",
    ] {
        story.line(line);
    }
    assert_eq!(
        story.show(),
        "1 duty alarm a1=called\n2 duty returned a1=returned\n3 duty alarm a1=called\n"
    );
    let raises: Vec<_> = story.told.iter().map(|it| it.alarms[0].raise).collect();
    assert_eq!(raises, [1, 1, 2]);
}

#[test]
fn a_tier_is_told_when_a_step_is_overdue() {
    let receivers = "
        [[receiver]]
        name = 'duty'
        carriers = ['sms']
        [[receiver]]
        name = 'head'
        carriers = ['sms']
        tier = 1
        at_once = 'red'
        [[receiver]]
        name = 'county'
        carriers = ['sms']
        tier = 3
        select = { enterprise = 'oil' }";
    check(
        receivers,
        "1 raise a1 yellow\n61 overdue a1 1\n121 overdue a1 2\n181 overdue a1 3\n190 return a1",
        "1 duty alarm a1=called
         61 head escalation a1=acknowledge:1
         121 head escalation a1=acknowledge:2
         181 county escalation a1=acknowledge:3
         190 county returned a1=returned
         190 duty returned a1=returned
         190 head returned a1=returned",
    );
    // Red is told to the head from the start; where there is nobody at tier 3, to the next.
    check(
        receivers,
        "1 raise c1 red\n200 overdue c1 3",
        "1 duty alarm c1=called\n1 head alarm c1=called\n200 head escalation c1=acknowledge:3",
    );
}

#[test]
fn a_step_that_is_overdue_after_the_end_is_told_too() {
    let head = "[[receiver]]\nname = 'head'\ncarriers = ['sms']\ntier = 1";
    let mut story = Story::new(&settings(head));
    for line in ["1 raise a1 yellow", "2 return a1", "61 overdue a1 1"] {
        story.line(line);
    }
    assert_eq!(story.show(), "61 head escalation a1=acknowledge:1\n");
    assert!(story.planner.is_empty());
}

#[test]
fn without_receivers_every_carrier_is_told_of_every_live_raise() {
    let plain = Settings::plain(&["sms".to_owned(), "voice".to_owned()]);
    let mut story = Story::new(&plain);
    story.line("0 started");
    for point in 0..40 {
        story.line(&format!("1 raise a{point} blue"));
    }
    story.line("2 raise b1 red retro");
    story.line("3 promote b1");
    story.line("4 return a1");
    story.line("4 overdue a2 1");
    assert_eq!(story.told.len(), 41);
    assert!(story.told.iter().all(|it| it.carriers == ["sms", "voice"]));
    assert!(Settings::plain(&[]).receivers.is_empty());
}

#[test]
fn a_notice_is_named_by_its_log_entry() {
    let receivers = "
        [[receiver]]
        name = 'one'
        carriers = ['sms']
        [[receiver]]
        name = 'two'
        carriers = ['sms']";
    let mut story = Story::new(&settings(receivers));
    story.line("1 raise a1 blue");
    let ids: Vec<_> = story.told.iter().map(|it| it.id.to_string()).collect();
    // Two ticks, then the raise.
    assert_eq!(ids, ["3.0", "3.1"]);
}
