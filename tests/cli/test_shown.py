"""How imports, lists, metrics, jobs and log lines are told."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from honeyguide.cli import logs
from honeyguide.cli.imported import Told, guess_kind, show_report
from honeyguide.cli.metrics import metric_names, metric_text, show_comparison, with_interval
from honeyguide.cli.output import Out
from honeyguide.cli.slates import show_funnel
from honeyguide.cli.status import _job_text, _server_text
from honeyguide.config.settings import Logging, Training
from honeyguide.errors import InvalidInput
from honeyguide.importers import ImportReport
from honeyguide.train import ModelReport, TrainReport
from honeyguide.types import Job

Said = pytest.CaptureFixture[str]


# --- imports ------------------------------------------------------------------------------------------------------------


def report(**fields: Any) -> ImportReport:
    return ImportReport(kind=fields.pop("kind", "events"), sources=["e.csv"], **fields)


def test_a_report_with_everything(capsys: Said) -> None:
    show_report(
        Out(),
        report(
            rows=5_000_000,
            new=4_198_332,
            duplicates=1_204,
            quarantined={"missing_item": 450, "future_time": 14},
            quarantine_file="quarantine.jsonl",
            types={"view": 3_900_000, "purchase": 88_332},
            mapping={"user_id": "uid", "item_id": "item_id", "type": "=view"},
            guessed=["user_id", "item_id", "type"],
            ignored=["browser"],
            time_unit="seconds",
            first_ts=0,
            last_ts=86_400_000,
            seconds=10.0,
            notes=["something to know"],
        ),
    )
    said = capsys.readouterr()
    counts = "4,198,332 new · 1,204 duplicates · 464 quarantined → quarantine.jsonl (450 no item_id, 14 future time)"
    assert said.out == (
        f"  events    {counts} · 500,000 rows/s\n"
        "  types     view 3,900,000 · purchase 88,332\n"
        "  span      1970-01-01 to 1970-01-02   (read as seconds)\n"
    )
    assert said.err == (
        "  guessed   user_id←uid  item_id  type=view   (change: --map)\n  ignored   browser\n  note      something to know\n"
    )


def test_a_report_of_a_dry_run_and_of_items(capsys: Said) -> None:
    show_report(Out(), report(new=3, quarantined={"odd_code": 2}, dry_run=True))
    show_report(Out(), report(kind="items", new=3, superseded=1))
    assert capsys.readouterr().out == (
        "  events    3 would be new · 2 do not fit (2 odd code)\n  items     3 new · 1 replaced by later rows\n"
    )


def test_what_comes_next_after_several_imports() -> None:
    items = report(kind="items", new=1, next="honeyguide import events FILE")
    events = report(new=1, next="honeyguide train")
    assert Told.of([events, items]) == Told("honeyguide train", nothing_taken=False)
    assert Told.of([items]).next == "honeyguide import events FILE"
    assert Told.of([report(quarantined={"x": 1})]).nothing_taken
    assert not Told.of([report(quarantined={"x": 1}), items]).nothing_taken
    assert not Told.of([report()]).nothing_taken
    assert Told.of([]) == Told("", nothing_taken=False)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("user_id,item_id,ts,type", "events"),
        ("uid,sku,rating,timestamp", "events"),
        ("visitor,product_id", "events"),
        ("item_id,title,price", "items"),
        ("id,title,genres", "items"),
        ("sku", "items"),
        ("user_id,country", "users"),
        ("customer", "users"),
    ],
)
def test_the_columns_say_what_a_file_holds(tmp_path: Path, header: str, kind: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    assert guess_kind(file) == kind


@pytest.mark.parametrize("text", ["", "id,colour\n1,red\n", "a,b\n1,2\n"])
def test_columns_that_do_not_say_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="do not tell what it holds") as caught:
        guess_kind(file)
    assert "honeyguide import events FILE" in caught.value.cure


# --- lists --------------------------------------------------------------------------------------------------------------


def test_a_funnel_with_everything(capsys: Said) -> None:
    show_funnel(
        Out(),
        {
            "segment": "AT|new",
            "history": [{"item_id": f"i{n}", "type": "view", "weight": 1} for n in range(50)],
            "sources": {"model": {"found": 1200, "items": []}, "popular": {"found": 3, "items": []}},
            "missed": ["interests"],
            "removed": {
                "excluded": {"count": 7, "items": [f"x{n}" for n in range(7)]},
                "blocked": {"count": 1, "items": ["y"]},
            },
            "reranked": [
                {"pass": "diversity", "given_up": 0.0123, "moved": {"a": 2, "b": -1}},
                {"pass": "caps", "given_up": 0.0, "moved": {}},
            ],
            "stages_ms": {"retrieve": 1.23},
        },
    )
    assert capsys.readouterr().out == (
        "  history   50 events or more, the latest: view i49, view i48, view i47, view i46, view i45\n"
        "  segment   AT|new\n"
        "  found     model 1,200 · popular 3\n"
        "  missed    interests did not answer in time\n"
        "  removed   7 by excluded: x0, x1, x2, x3, x4, ...\n"
        "  removed   1 by blocked: y\n"
        "  moved     by diversity, for 1.23% of the relevance: a +2, b -1\n"
        "  time      retrieve 1.2 ms\n"
    )


def test_an_empty_funnel(capsys: Said) -> None:
    show_funnel(Out(), {})
    assert capsys.readouterr().out == "  found     nothing\n"


# --- metrics ------------------------------------------------------------------------------------------------------------

METRICS = {
    "recall@20": 0.5, "ndcg@20": 0.31, "precision@20": 0.1, "hit_rate@20": 0.9, "mrr@20": 0.2, "coverage": 0.4,
    "served_ndcg@20": 0.3, "served_recall@20": 0.45, "novelty": 4.5,
    "ndcg@20_interval": [0.3, 0.32], "users": 600, "fit_seconds": 1.25, "evaluate_seconds": 3.0,
}  # fmt: skip


def test_metrics_are_named_in_the_usual_order_without_what_is_no_quality() -> None:
    first = ["served_ndcg@20", "ndcg@20", "served_recall@20", "recall@20"]
    assert metric_names([METRICS]) == [*first, "hit_rate@20", "mrr@20", "precision@20", "coverage", "novelty"]
    assert metric_names([METRICS, {"ndcg@5": 0.1}], main=True) == [
        "served_ndcg@20", "ndcg@20", "ndcg@5", "recall@20", "coverage",
    ]  # fmt: skip
    assert metric_names([{"failed": "too little"}]) == []


def test_metrics_as_text() -> None:
    assert (metric_text(0.31), metric_text(600), metric_text(None), metric_text(True)) == ("0.3100", "600", "", "")
    assert with_interval(METRICS, "ndcg@20").plain == "0.3100 [0.300 0.320]"
    assert with_interval(METRICS, "recall@20").plain == "0.5000"
    assert with_interval({}, "recall@20").plain == ""


def compared(*models: ModelReport) -> TrainReport:
    return TrainReport(9, 1000, 600, 50, (0, 86_400_000), models, "ease", "ease is the best", None, 1.0)


def test_a_comparison_puts_the_best_first_and_says_what_failed(capsys: Said) -> None:
    models = (
        ModelReport("popular", 0, {"served_ndcg@20": 0.1, "ndcg@20": 0.4, "users": 600}),
        ModelReport("ease", 0, METRICS),
        ModelReport("als", 0, {}, "too many items"),
    )
    show_comparison(Out(), compared(*models), Training())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  data      1,000 interactions of 600 users on 50 items · 1970-01-01 to 1970-01-02"
    assert lines[1] == "  asked     600 users for their latest 20%, ranking all items"
    assert [line.split()[0:2] for line in lines[4:6]] == [["→", "ease"], ["popular", "0.1000"]]
    assert " ".join(lines[6].split()) == "als not fitted: too many items"


def test_a_comparison_of_nothing_but_popularity(capsys: Said) -> None:
    show_comparison(Out(), compared(ModelReport("popular", 1, {})), Training())
    assert capsys.readouterr().out.splitlines() == [
        "  data      1,000 interactions of 600 users on 50 items · 1970-01-01 to 1970-01-02"
    ]
    show_comparison(Out(json=True), compared(ModelReport("popular", 1, {})), Training())
    assert capsys.readouterr().out == ""


# --- status -------------------------------------------------------------------------------------------------------------


def test_jobs_and_servers_in_words() -> None:
    job = Job(job_id="j", kind="train", state="running", created_at=0, progress=0.4, message="fit ease")
    assert _job_text(job, 60_000).plain == "train running 40% · 1 min ago · fit ease"
    job.state, job.message = "failed", ""
    assert _job_text(job, 60_000).plain == "train failed · 1 min ago"
    assert _server_text({"running": False}, 0).plain == "not running"
    server = {"running": True, "healthy": False, "url": "http://h:1", "pid": 7, "since": 0}
    assert _server_text(server, 3_600_000).plain == "http://h:1 does not answer · process 7, started 1 h ago"


# --- log lines ----------------------------------------------------------------------------------------------------------


def logged(monkeypatch: pytest.MonkeyPatch, settings: Logging, *, debug: bool = False) -> list[str]:
    """What a logger writes to stderr under a configuration, an exception among it."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.of_server(settings, debug=debug)
    log = structlog.get_logger("x")
    log.debug("fine", number=1)
    log.info("told", user="ü")
    try:
        1 / 0  # noqa: B018  the exception is what is wanted
    except ZeroDivisionError:
        log.exception("broken")
    logs.quiet()
    return stream.getvalue().splitlines()


def test_log_lines_of_a_server_are_json_elsewhere_than_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.loads(line) for line in logged(monkeypatch, Logging())]
    assert [line["event"] for line in lines] == ["told", "broken"]
    assert lines[0]["level"] == "info"
    assert lines[0]["timestamp"].endswith("Z")
    assert "ZeroDivisionError" in lines[1]["exception"]
    assert [json.loads(line)["event"] for line in logged(monkeypatch, Logging(level="error"))] == ["broken"]
    assert len(logged(monkeypatch, Logging(level="error"), debug=True)) == 3


def test_log_lines_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = logged(monkeypatch, Logging(format="text"))
    assert "told" in lines[0]
    assert "user=ü" in lines[0]
    assert any("ZeroDivisionError" in line for line in lines)


def test_commands_are_quiet_unless_something_is_grave(capsys: Said) -> None:
    logs.quiet()
    structlog.get_logger("x").warning("not told")
    structlog.get_logger("x").error("told")
    said = capsys.readouterr()
    assert said.out == ""
    assert "not told" not in said.err
    assert "told" in said.err
