"""Problems: one shape for every error, and nothing of our inside in any of them."""

import msgspec
import pytest

from honeyguide import errors
from honeyguide.api.problems import MethodNotAllowed, Problem, codes, headers_of, internal, problem_of
from honeyguide.errors import FieldError, HoneyguideError, InvalidInput, TooLarge, Unauthorized, Unavailable


def test_an_error_says_all_it_knows() -> None:
    error = InvalidInput(
        "Two things do not fit.", cure="Mend both.", errors=[FieldError("/n", "too large"), FieldError("", "odd")]
    )
    problem = problem_of(error, instance="/v1/x", request_id="r1")
    assert msgspec.to_builtins(problem) == {
        "type": "/docs/problems#invalid_input",
        "title": "Invalid input",
        "status": 422,
        "detail": "Two things do not fit. Mend both.",
        "instance": "/v1/x",
        "code": "invalid_input",
        "errors": [{"pointer": "/n", "detail": "too large"}, {"pointer": "", "detail": "odd"}],
        "request_id": "r1",
    }
    assert [field.name for field in msgspec.structs.fields(Problem)][:4] == ["type", "title", "status", "detail"]


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (MethodNotAllowed("PUT", ["POST", "GET"]), [(b"allow", b"GET, POST")]),
        (Unauthorized("x"), [(b"www-authenticate", b'Bearer realm="honeyguide"')]),
        (Unavailable("x"), [(b"retry-after", b"1")]),
        (TooLarge("x"), [(b"connection", b"close")]),
        (InvalidInput("x"), []),
    ],
)
def test_header_fields_that_belong_to_a_status(error: HoneyguideError, fields: list[tuple[bytes, bytes]]) -> None:
    assert headers_of(error) == fields


def test_every_error_class_has_a_status_and_a_meaning() -> None:
    found = codes()
    for name in vars(errors):
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, HoneyguideError) and kind is not HoneyguideError:
            assert found[kind.code][0] == kind.status
            assert found[kind.code][1]
    assert found["method_not_allowed"][0] == 405
    assert found["unsupported_media_type"][0] == 415


def test_an_unforeseen_error_names_only_its_id() -> None:
    problem = problem_of(internal("r9"), instance="/", request_id="r9")
    assert (problem.status, problem.code) == (500, "internal_error")
    assert "r9" in problem.detail
