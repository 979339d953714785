"""What an error means, and whether and when to try again: pure decisions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from operator_diagnosis.claude.failures import Failure, FailureKind, kind_of, pause

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "error", "said", "kind"),
    [
        (400, "invalid_request_error", "schema: no", FailureKind.REJECTED),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", FailureKind.TOO_LONG),
        (401, "authentication_error", "", FailureKind.KEY),
        (402, "billing_error", "", FailureKind.FORBIDDEN),
        (403, "permission_error", "", FailureKind.FORBIDDEN),
        (404, "not_found_error", "", FailureKind.UNKNOWN),
        (408, None, "", FailureKind.BROKEN),
        (409, None, "", FailureKind.BROKEN),
        (413, "request_too_large", "", FailureKind.TOO_LONG),
        (418, None, "", FailureKind.REJECTED),
        (422, None, "", FailureKind.REJECTED),
        (429, "rate_limit_error", "", FailureKind.THROTTLED),
        (500, "api_error", "", FailureKind.BROKEN),
        (502, None, "", FailureKind.BROKEN),
        (529, "overloaded_error", "", FailureKind.OVERLOADED),
        (200, "overloaded_error", "", FailureKind.OVERLOADED),
        (200, "rate_limit_error", "", FailureKind.THROTTLED),
        (200, "invalid_request_error", "", FailureKind.REJECTED),
        (200, "something_new", "", FailureKind.BROKEN),
        (200, None, "", FailureKind.BROKEN),
    ],
)
def test_an_error_is_told_by_its_status_and_within_a_stream_by_its_type(
    status: int, error: str | None, said: str, kind: FailureKind
) -> None:
    assert kind_of(status, error, said) is kind


@pytest.mark.parametrize("kind", FailureKind)
def test_only_what_may_pass_is_tried_again(kind: FailureKind) -> None:
    assert (pause(Failure(kind=kind), tried=1, left=HOUR) is not None) == kind.may_pass
    assert not (kind.may_pass and kind.needs_a_person)


def test_pauses_grow_and_end() -> None:
    failure = Failure(kind=FailureKind.OVERLOADED)
    pauses = [pause(failure, tried=n, left=HOUR) for n in range(1, 5)]
    assert pauses == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4), None]


@pytest.mark.parametrize(("asked", "waits"), [(0.0, 0.0), (7.5, 7.5), (-3.0, 0.0), (60.0, 60.0), (61.0, None)])
def test_the_servers_word_on_patience_counts_up_to_a_minute(asked: float, waits: float | None) -> None:
    failure = Failure(kind=FailureKind.THROTTLED, retry_after=timedelta(seconds=asked))
    expected = None if waits is None else timedelta(seconds=waits)
    assert pause(failure, tried=1, left=HOUR) == expected


def test_nothing_is_waited_for_that_comes_after_the_end() -> None:
    failure = Failure(kind=FailureKind.THROTTLED, retry_after=timedelta(seconds=30))
    assert pause(failure, tried=1, left=timedelta(seconds=30)) is None
    assert pause(failure, tried=1, left=timedelta(seconds=31)) == timedelta(seconds=30)


def test_a_failure_is_one_line_that_says_what_happened() -> None:
    assert str(Failure(kind=FailureKind.OVERLOADED, status=529, said="Overloaded")) == (
        "the API is overloaded (529): Overloaded"
    )
    assert str(Failure(kind=FailureKind.CUT)) == "the connection to the API was lost"
