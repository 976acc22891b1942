"""Metrics of several processes as those of one."""

from honeyguide.monitoring.merge import counted, merged, render, snapshot
from honeyguide.monitoring.metrics import Metrics, Supervised


def process(name: str, lists: int, position: int, seconds: float = 0.004) -> Metrics:
    metrics = Metrics()
    for _ in range(lists):
        metrics.recommend_requests.labels("home", "l1", "ok").inc()
        metrics.recommend_duration.labels("home", "l1").observe(seconds)
    metrics.log_position.set(position)
    metrics.model_info.labels("ease", "champion", name).set(1)
    return metrics


def lines(text: bytes, *names: str) -> list[str]:
    return [line for line in text.decode().splitlines() if line.startswith(tuple(f"honeyguide_{name}" for name in names))]


def test_counters_are_added_and_gauges_stand_side_by_side() -> None:
    parts = [snapshot(process(name, lists, at).registry, name) for name, lists, at in (("0", 3, 70), ("1", 4, 71))]
    text = render(merged([*parts, snapshot(Supervised(lambda: 2).registry)]))
    assert lines(text, "recommend_requests_total") == [
        'honeyguide_recommend_requests_total{outcome="ok",served_from="l1",surface="home"} 7.0'
    ]
    assert lines(text, "log_position") == [
        'honeyguide_log_position{process="0"} 70.0',
        'honeyguide_log_position{process="1"} 71.0',
    ]
    assert 'honeyguide_model_info{alias="champion",model="ease",process="1",version="1"} 1.0' in text.decode()
    assert lines(text, "server_processes") == ["honeyguide_server_processes 2.0"]


def test_histograms_are_added_bucket_by_bucket() -> None:
    parts = [
        snapshot(process("0", 2, 1, seconds=0.004).registry, "0"),
        snapshot(process("1", 1, 1, seconds=7.0).registry, "1"),
    ]
    text = render(merged(parts)).decode()
    of = 'served_from="l1",surface="home"'
    assert f'honeyguide_recommend_duration_seconds_bucket{{le="0.005",{of}}} 2.0' in text
    assert f'honeyguide_recommend_duration_seconds_bucket{{le="+Inf",{of}}} 3.0' in text
    assert f"honeyguide_recommend_duration_seconds_count{{{of}}} 3.0" in text
    assert f"honeyguide_recommend_duration_seconds_sum{{{of}}} 7.008" in text


def test_of_a_process_that_has_ended_its_counts_are_kept_and_its_gauges_go() -> None:
    ended, living = snapshot(process("0", 5, 9).registry, "0"), snapshot(process("0", 1, 10).registry, "0")
    text = render(merged([merged([counted(ended), counted(ended)]), living]))
    assert lines(text, "recommend_requests_total")[0].endswith(" 11.0")
    assert lines(text, "log_position") == ['honeyguide_log_position{process="0"} 10.0']


def test_one_process_alone_looks_as_ever() -> None:
    metrics = process("0", 2, 5)
    ours = set(render(merged([snapshot(metrics.registry)])).decode().splitlines())
    plain = {line for line in metrics.render().decode().splitlines() if "_created" not in line}
    assert ours == plain


def test_families_keep_their_help_and_kind() -> None:
    text = render(merged([snapshot(process("0", 1, 1).registry, "0")] * 2)).decode()
    assert text.count("# TYPE honeyguide_recommend_requests_total counter") == 1
    assert text.count("# TYPE honeyguide_recommend_duration_seconds histogram") == 1
    assert "# HELP honeyguide_log_position Sequence number" in text
