"""Errors as people and programs meet them."""

import json
import sys

import pytest

from honeyguide.cli.failure import Failure, report, told_once
from honeyguide.errors import FieldError, InvalidInput, NotFound, StorageFull

Said = pytest.CaptureFixture[str]


def tell(failure: Failure, *args: str, error: BaseException | None = None) -> None:
    report(failure, error, list(args))


def test_a_block_is_aligned_however_many_lines_it_has(capsys: Said) -> None:
    tell(Failure("code", "one\ntwo", "mend\nit", "honeyguide x", (("/a", "bad"), ("", "all bad"))))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "  error     one\n"
        "            two\n"
        "            - /a: bad\n"
        "            - /: all bad\n"
        "  usage     honeyguide x\n"
        "  cure      mend\n"
        "            it\n"
    )


def test_a_fault_that_the_detail_tells_already_is_not_told_twice(capsys: Said) -> None:
    tell(Failure("code", "2 problems\n- a: wrong\n- b: wrong", errors=(("/a", "a: wrong"), ("/b", "b: wrong"))))
    assert capsys.readouterr().err.count("wrong") == 2


def test_without_a_cure_there_is_no_line_for_it(capsys: Said) -> None:
    tell(Failure("code", "It is so."))
    assert capsys.readouterr().err == "  error     It is so.\n"


def test_for_programs_the_same_is_json_on_stdout(capsys: Said) -> None:
    error = InvalidInput("It does not fit.", cure="Mend it.", errors=[FieldError("/n", "must be 1 to 500")])
    tell(Failure.of(error), "recommend", "u", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "error": {
            "code": "invalid_input",
            "detail": "It does not fit.",
            "cure": "Mend it.",
            "errors": [{"pointer": "/n", "detail": "must be 1 to 500"}],
            "exit_code": 1,
        }
    }


def test_a_traceback_is_shown_only_when_it_is_asked_for(capsys: Said) -> None:
    try:
        raise NotFound("gone")
    except NotFound as error:
        tell(Failure.of(error), error=error)
        assert "Traceback" not in capsys.readouterr().err
        tell(Failure.of(error), "status", "--debug", error=error)
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("  error     gone\n")


def test_an_error_that_nobody_expected_is_told_by_its_name(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["honeyguide", "status", "--json"])
    told_once(KeyError, KeyError("x"), None)
    said = capsys.readouterr()
    assert said.err == "  error     KeyError: 'x'\n  cure      Run it again with --debug and report what it shows.\n"
    assert json.loads(said.out)["error"]["code"] == "internal"


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (StorageFull("The disk is full.", cure="Make room."), "storage_full", 4),
        (NotFound("x", code="no_data"), "no_data", 1),
        (PermissionError(13, "Permission denied", "/root/x"), "system", 1),
        (OSError("odd"), "system", 1),
        (ValueError("x"), "internal", 1),
    ],
)
def test_codes(error: BaseException, code: str, exit_code: int) -> None:
    failure = Failure.of(error)
    assert (failure.code, failure.exit_code) == (code, exit_code)
    assert failure.detail


def test_an_error_of_the_system_names_the_file() -> None:
    assert Failure.of(PermissionError(13, "Permission denied", "/root/x")).detail == "Permission denied: /root/x"
    assert Failure.of(OSError("odd")).detail == "odd"
