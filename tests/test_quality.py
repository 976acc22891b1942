"""`python -m benchmarks.quality`: files as splits by their protocols, lines of exactly the agreed keys, clear refusals."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import quality
from benchmarks.auto import choose
from benchmarks.sets import ALIASES, DATA, P1, P2, P5, SETS
from benchmarks.split_files import events, numbered, read_split

from honeyguide.errors import InvalidInput, NotEnoughData
from honeyguide.models.markov import Markov
from honeyguide.offline.splits import Split, by_time
from honeyguide.testing.models import interactions
from tests.rules import ROOT

KEYS = [
    "set", "protocol", "model", "params", "recall@20", "ndcg@20", "hr@10", "ndcg@10", "mrr@20", "coverage", "fit_s", "users",
]  # fmt: skip


def asked(split: Split) -> dict[int, list[int]]:
    return {
        int(user): split.items[split.indptr[place] : split.indptr[place + 1]].tolist()
        for place, user in enumerate(split.users)
    }


def pairs(split: Split) -> list[tuple[int, int]]:
    return list(zip(split.train.users.tolist(), split.train.items.tolist(), strict=True))


def walks(path: Path, users: int = 40, items: int = 15) -> Path:
    """Sequences in which each item is followed by the next."""
    lines = [" ".join(map(str, [f"u{user}", *((user + step) % items for step in range(7))])) for user in range(users)]
    path.write_text("\n".join(lines) + "\n")
    return path


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class TestLists:
    def test_the_given_split_as_it_is(self, tmp_path: Path) -> None:
        train, test = tmp_path / "train.txt", tmp_path / "test.txt"
        train.write_text("a 10 11 12\nb 10\n\nnobody\n")
        test.write_text("a 13 13 14\nc 10\nb\n")
        split = read_split("lists", train, test)
        assert (split.train.n_users, split.train.n_items) == (3, 5)
        assert pairs(split) == [(0, 0), (0, 1), (0, 2), (1, 0)]
        assert asked(split) == {0: [3, 4], 2: [0]}  # c was never seen and is asked all the same; b has nothing held out

    def test_a_held_out_item_of_the_past_counts_and_is_never_found(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        train, test = tmp_path / "train.txt", tmp_path / "test.txt"
        train.write_text("a 1 2\nb 1 2 3\nc 3\n")
        test.write_text("a 1 3\n")
        assert (
            quality.command(
                ["--train", str(train), "--test", str(test), "--format", "lists", "--models", "popular", "--budget", "1s"]
            )
            == 0
        )
        line = lines_of(capsys)[0]
        assert (line["protocol"], line["users"], line["recall@20"], line["hr@10"]) == (P1, 1, 0.5, 1.0)

    def test_they_need_a_test_part(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="--test FILE"):
            read_split("lists", walks(tmp_path / "a"), None)


class TestSequences:
    def test_the_last_row_is_held_out_and_all_before_it_is_learned_from(self, tmp_path: Path) -> None:
        path = tmp_path / "s.txt"
        path.write_text("u1 5 7 6\nu2 7\nu3 6 5 6\n")
        split = read_split("sequences", path, None)
        # items are 5, 6, 7 -> 0, 1, 2; u3's last item came before: it stays the one that is asked for
        assert asked(split) == {0: [1], 2: [1]}
        assert sorted(pairs(split)) == [(0, 0), (0, 2), (1, 2), (2, 0), (2, 1)]
        order = [item for user, item in pairs(split) if user == 2]
        assert order == [1, 0]

    def test_they_take_no_test_part(self, tmp_path: Path) -> None:
        path = walks(tmp_path / "a")
        with pytest.raises(InvalidInput, match="takes --train alone"):
            read_split("sequences", path, path)

    def test_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("\n")
        with pytest.raises(InvalidInput, match="no sequences"):
            read_split("sequences", tmp_path / "a", None)


class TestEvents:
    def test_the_latest_fifth_equal_times_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "e.csv"
        rows = [("a", item, 100 + item // 3) for item in (3, 4, 5, 8, 7, 6, 0, 1, 2, 9)] + [("b", 9, 5), ("b", 0, 5)]
        path.write_text("timestamp,item_id,user_id\n" + "".join(f"{ts},{item},{user}\n" for user, item, ts in rows))
        split = read_split("events", path, None)
        assert asked(split) == {0: [6, 9], 1: [0]}
        assert split.train.ts.max() == 102_000  # seconds became milliseconds

    def test_types_weigh_and_what_is_no_liking_is_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "e.csv"
        kinds = ["view", "PURCHASE", "hide", "listened", "impression", ""]
        rows = "".join(f"u,{kind}-,2024-01-0{day}T00:00:00Z,{kind}\n" for day, kind in enumerate(kinds, 1))
        path.write_text("user_id,item_id,timestamp,type\n" + rows)
        assert events(path).weights.tolist() == [1.0, 8.0, 1.0, 1.0]

    def test_further_columns_and_blank_lines_are_passed_over(self, tmp_path: Path) -> None:
        path = tmp_path / "e.csv"
        path.write_text('user_id,note,item_id,timestamp\n\nu,"a, b",x,1,hide\n\nu,,y,2\n')
        found = events(path)
        assert (found.users.tolist(), found.items.tolist(), found.weights.tolist()) == ([0, 0], [0, 1], [1.0, 1.0])

    def test_ids_that_differ_by_case_only_are_different(self, tmp_path: Path) -> None:
        path = tmp_path / "e.csv"
        path.write_text("user_id,item_id,timestamp\nA,x,1\na,x,2\na,X,3\n")
        found = events(path)
        assert (found.n_users, found.n_items) == (2, 2)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("user_id,item_id\na,b\n", "has no column 'timestamp'"),
            ("", "has no column 'user_id'"),
            ("user_id,item_id,timestamp\na,b,1\na,c,NaN\na,d,3\na,e,4\n", "line 3: the timestamp 'NaN' cannot be read"),
            ("user_id,item_id,timestamp\na,b,1\na,c,\n", "line 3: the timestamp '' cannot be read"),
            ("user_id,item_id,timestamp\na,b,1\n,c,2\n", "line 3: user_id or item_id is empty"),
            ("user_id,item_id,timestamp\na,b,1\na,c\n", "line 3: the timestamp '' cannot be read"),
            ("user_id,item_id,timestamp\na,b,soon\na,c,later\n", "the timestamps are written in no way that is known"),
            ("user_id,item_id,timestamp\n", "no events"),
            ("user_id,item_id,timestamp,type\na,b,1,impression\n", "no events"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, tmp_path: Path, text: str, said: str) -> None:
        path = tmp_path / "e.csv"
        path.write_text(text)
        with pytest.raises(InvalidInput) as caught:
            events(path)
        assert said in str(caught.value)
        assert caught.value.cure


class TestLines:
    def test_one_per_model_of_the_agreed_keys_and_auto_is_the_last(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = walks(tmp_path / "walks.txt")
        words = ["--train", str(path), "--format", "sequences", "--models", "popular,markov", "--budget", "3s"]
        assert quality.command(words) == 0
        lines = lines_of(capsys)
        assert [list(line) for line in lines] == [KEYS] * 3
        assert [line["model"] for line in lines] == ["markov", "popular", "auto"]
        assert {line["set"] for line in lines} == {"walks.txt"}
        assert {line["protocol"] for line in lines} == {P2}
        assert lines[0]["hr@10"] == lines[2]["hr@10"] == 1.0
        assert lines[2]["params"]["model"] == "markov"
        assert lines[2]["users"] == 40

    def test_a_model_that_runs_out_of_memory_is_left_out_with_a_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def exhausted(self: Markov, *data: object, **more: object) -> Markov:
            raise MemoryError

        monkeypatch.setattr(Markov, "fit", exhausted)
        words = [
            "--train",
            str(walks(tmp_path / "w")),
            "--format",
            "sequences",
            "--models",
            "popular,markov",
            "--budget",
            "2",
        ]
        assert quality.command(words) == 0
        told = capsys.readouterr()
        assert "markov is left out: it ran out of memory" in told.err
        assert [json.loads(line)["model"] for line in told.out.splitlines()] == ["popular", "auto"]

    @pytest.mark.parametrize("name", ["movielens-latest-small", "movielens-100k", "deskdrop"])
    def test_a_ranker_is_trained_on_the_events_of_the_split(self, name: str) -> None:
        if not DATA.exists():
            pytest.skip(f"{DATA} is not there")
        own = SETS[name]
        assert own.shop is not None
        frame, items = own.shop()
        mine, split = by_time(numbered(frame), 0.2), own.load()
        assert np.array_equal(mine.items, split.items)
        assert np.array_equal(mine.train.items, split.train.items)
        if name != "deskdrop":
            assert {str(item) for item in frame["item"]} <= set(items)
            told = items["1"]
            assert told["title"] == "Toy Story (1995)"
            assert told["properties"] == {"year": 1995}
            assert "Comedy" in str(told["categories"])

    def test_as_a_program(self, tmp_path: Path) -> None:
        words = ["--train", str(walks(tmp_path / "w")), "--format", "sequences", "--models", "popular", "--budget", "2"]
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.quality", *words], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert [json.loads(line)["model"] for line in ran.stdout.splitlines()] == ["popular", "auto"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--set", "nowhere"], "There is no set 'nowhere'. There are: movielens-latest-small"),
            (["--train", "/nowhere/at/all", "--format", "events"], "/nowhere/at/all cannot be read (No such file"),
            (["--train", "x"], "--train needs --format"),
            (["--test", "x"], "go with --train FILE"),
            (["--train", __file__, "--format", "lists"], "Name it with --test FILE."),
            (["--set", "gowalla", "--budget", "soon"], "'soon' is not a duration"),
        ],
    )
    def test_words_that_do_not_go_together(self, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
        assert quality.command(words) == 2
        assert said in capsys.readouterr().err

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "b").write_bytes(b"\xff\xfe\x00u 1 2")
        with pytest.raises(InvalidInput, match="is not UTF-8 text"):
            read_split("sequences", tmp_path / "b", None)

    def test_nobody_to_ask(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "s").write_text("a 1\nb 2\n")
        assert quality.command(["--train", str(tmp_path / "s"), "--format", "sequences"]) == 2
        assert "nobody to ask" in capsys.readouterr().err

    def test_sets_have_short_names(self) -> None:
        for name in ("Beauty", "beauty", "ml-1m", "latest-small"):
            assert ALIASES[name.lower()] in SETS

    @pytest.mark.parametrize("name", ["movielens-100k", "deskdrop", "online-retail-ii", "ml-1m-seq"])
    def test_the_sets_hold_what_is_known_of_them(self, name: str) -> None:
        if not DATA.exists():
            pytest.skip("needs ../shared/data")
        split = SETS[name].load()
        known = {
            "movielens-100k": (943, 1_682, 80_367, 19_633),
            "deskdrop": (1_140, 2_984, 57_446, 7_409),
            "online-retail-ii": (4_314, 4_017, 302_605, 53_338),
            "ml-1m-seq": (6_040, 3_416, 999_611 - 6_040, 6_040),
        }
        found = (split.train.n_users, split.train.n_items, len(split.train.users), len(split.items))
        assert found == known[name]


class TestAuto:
    def test_what_comes_next_is_found_on_the_past_alone(self) -> None:
        users, items = np.repeat(np.arange(30), 6), np.tile(np.arange(6), 30) + np.repeat(np.arange(30), 6) % 9
        choice = choose(interactions(users, items), ["popular", "markov"], last=True, k=10, budget=5.0, seed=0)
        assert choice.params["model"] == "markov"
        assert choice.params["window"] >= 1
        assert choice.seconds > 0

    def test_no_order_in_time_and_no_validation_part(self) -> None:
        lists = interactions([0] * 20 + [1] * 20, [*range(20), *range(20)], ts=[3] * 40, n_items=20)
        assert choose(lists, ["popular", "knn"], last=False, k=5, budget=1.0, seed=0).params["model"] in ("popular", "knn")
        single = interactions([0, 1, 2], [0, 1, 2])
        assert choose(single, ["popular", "knn"], last=True, k=5, budget=1.0, seed=0).params["model"] == "popular"


def test_nobody_is_an_error_of_its_own() -> None:
    empty = Split(interactions([], []), np.empty(0, np.int32), np.zeros(1, np.int64), np.empty(0, np.int32))
    with pytest.raises(NotEnoughData):
        next(quality.measured(empty, P5, names=["popular"], budget=1.0, seed=0))
