use super::*;

#[test]
fn every_figure_has_its_series_before_anything_happens() {
    let text = Metrics::new().render();
    for line in [
        "fenghuo_frames_total{result=\"unknown_catalog\"} 0",
        "fenghuo_intake_dropped_total{queue=\"backlog\"} 0",
        "fenghuo_alarm_events_total{transition=\"merge\"} 0",
        "fenghuo_alarms_active{severity=\"red\"} 0",
        "fenghuo_gateways{state=\"silent\"} 0",
        "fenghuo_log_append_seconds_count 0",
        "fenghuo_build_info{version=\"",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn each_method_moves_its_own_figure() {
    let metrics = Metrics::new();
    metrics.frame(FrameResult::Conflict);
    metrics.samples(200);
    metrics.intake_dropped(Queue::Live, 3);
    metrics.intake_dropped(Queue::Live, 5);
    metrics.judged(41, 1_500);
    metrics.event("raise");
    metrics.alarms_active(Severity::Orange, 7);
    metrics.gateways(GatewayState::Live, 2);
    metrics.notices("webhook", [1, 2, 0]);
    metrics.stuck("webhook", Duration::from_millis(1_500));
    metrics.http("/api/v1/ack", 409);
    metrics.log_append(Duration::from_millis(3), 64);
    let sink = metrics.sink("influx");
    sink.reached(9, 15);
    sink.points(100);
    sink.error();
    let text = metrics.render();
    for line in [
        "fenghuo_frames_total{result=\"conflict\"} 1",
        "fenghuo_frames_total{result=\"accepted\"} 0",
        "fenghuo_samples_total 200",
        "fenghuo_intake_dropped_total{queue=\"live\"} 5",
        "fenghuo_judge_position 41",
        "fenghuo_judge_lag_seconds 1.5",
        "fenghuo_alarm_events_total{transition=\"raise\"} 1",
        "fenghuo_alarms_active{severity=\"orange\"} 7",
        "fenghuo_gateways{state=\"live\"} 2",
        "fenghuo_notices{carrier=\"webhook\",state=\"told\"} 2",
        "fenghuo_carrier_stuck_seconds{carrier=\"webhook\"} 1.5",
        "fenghuo_http_requests_total{route=\"/api/v1/ack\",status=\"409\"} 1",
        "fenghuo_log_batch_entries_sum 64",
        "fenghuo_sink_position{sink=\"influx\"} 9",
        "fenghuo_sink_lag_entries{sink=\"influx\"} 5",
        "fenghuo_sink_points_total{sink=\"influx\"} 100",
        "fenghuo_sink_errors_total{sink=\"influx\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
