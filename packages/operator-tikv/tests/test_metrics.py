"""Signals from scrapes: rates through resets and lost scrapes, and quantiles as Prometheus has them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operator_core.errors import SubjectNonsense
from operator_core.readings import Cause, ClusterName, Observation, Reading, ReadingId
from operator_tikv import evaluate, signals
from operator_tikv import names as n
from operator_tikv.metrics.evaluate import Missing
from operator_tikv.metrics.exposition import Scrape, parse
from operator_tikv.metrics.history import History
from operator_tikv.metrics.quantile import Bucket, quantile
from operator_tikv.names import store_ref
from operator_tikv.rules.latency import Others

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TALK = signals.BY_NAME[n.STORE_MESSAGES_FROM]
APPENDS = signals.BY_NAME[n.STORE_APPENDS]
APPEND_P99 = signals.BY_NAME[n.STORE_APPEND_P99]
APPEND_MEAN = signals.BY_NAME[n.STORE_APPEND_MEAN]
LEADERS = signals.BY_NAME[n.STORE_LEADERS_LOCAL]
ALL = signals.MEASURED


def at(seconds: float, text: str) -> Scrape:
    return parse("# x\n" + text, ALL, at=T0 + timedelta(seconds=seconds))


def counter(value: float, *, started: float = 1.0) -> str:
    return f"process_start_time_seconds {started}\ntikv_raftstore_append_log_duration_seconds_count {value}\n"


def buckets(counts: dict[str, float]) -> str:
    lines = [f'tikv_raftstore_append_log_duration_seconds_bucket{{le="{le}"}} {c}' for le, c in counts.items()]
    return "\n".join(lines) + "\n"


def test_a_rate_is_growth_by_the_true_time_between() -> None:
    assert evaluate(APPENDS, at(0, counter(100)), at(8, counter(180))) == {"": 10.0}


def test_one_scrape_has_no_rate() -> None:
    assert evaluate(APPENDS, None, at(0, counter(100))) == Missing(Cause.TOO_EARLY, "it needs a second look")


def test_what_is_not_exported_is_absent_and_not_zero() -> None:
    for signal in (APPENDS, LEADERS, APPEND_P99, APPEND_MEAN, TALK):
        value = evaluate(signal, at(0, ""), at(5, ""))
        assert isinstance(value, Missing)
        assert value.cause is Cause.ABSENT


@given(
    grown=st.lists(st.integers(0, 1000), min_size=1, max_size=8),
    lost=st.sets(st.integers(1, 7)),
    restart=st.integers(0, 8),
)
def test_no_reset_and_no_lost_scrape_makes_a_false_rate(grown: list[int], lost: set[int], restart: int) -> None:
    """A rate is never negative, and never above the growth that there was."""
    total, history, since = 500.0, History(), 0.0
    started = 1.0
    kept: list[tuple[float, float, float]] = []
    for i, growth in enumerate([0, *grown]):
        if i == restart and i > 0:
            total, started = 0.0, 1.0 + i
        total += growth
        since += growth
        if i in lost:
            continue
        kept.append((i * 5.0, total, since))
        history.add(at(i * 5.0, counter(total, started=started)))
    latest, earlier = history.latest, history.earlier(timedelta(seconds=7))
    assert latest is not None
    value = evaluate(APPENDS, earlier, latest)
    if earlier is None:
        assert isinstance(value, Missing)
        return
    assert not isinstance(value, Missing)
    seconds = (latest.at - earlier.at).total_seconds()
    before = next(s for t, _, s in kept if t == (earlier.at - T0).total_seconds())
    assert 0 <= value[""] <= (kept[-1][2] - before) / seconds + 1e-9
    restarted = restart > 0 and (earlier.at - T0).total_seconds() < restart * 5 <= kept[-1][0]
    if not restarted:
        assert value[""] == pytest.approx((kept[-1][2] - before) / seconds)


def test_a_counter_that_overtook_its_old_value_after_a_restart_is_seen_by_the_process_start() -> None:
    value = evaluate(APPENDS, at(0, counter(100, started=1)), at(10, counter(150, started=5)))
    assert value == {"": 15.0}, "150 since the restart, not 50 since the scrape before it"


def test_a_counter_that_fell_counts_from_zero_though_the_process_tells_no_start() -> None:
    count = "tikv_raftstore_append_log_duration_seconds_count"
    assert evaluate(APPENDS, at(0, f"{count} 100\n"), at(5, f"{count} 30\n")) == {"": 6.0}


def test_a_label_that_appears_has_grown_from_zero() -> None:
    family = "tikv_server_report_failure_msg_total"
    before = at(0, f'{family}{{type="unreachable",store_id="1"}} 5\n')
    after = at(5, f'{family}{{type="unreachable",store_id="1"}} 5\n{family}{{type="unreachable",store_id="4"}} 10\n')
    assert evaluate(signals.BY_NAME[n.STORE_UNREACHABLE_REPORTS], before, after) == {"1": 0.0, "4": 2.0}


def test_a_selector_picks_its_series() -> None:
    text = 'tikv_raftstore_region_count{type="leader"} 7\ntikv_raftstore_region_count{type="region"} 20\n'
    assert evaluate(LEADERS, None, at(0, text)) == {"": 7.0}


def test_a_quantile_is_of_what_was_counted_between() -> None:
    before = at(0, buckets({"0.001": 1000, "0.002": 1000, "+Inf": 1000}))
    after = at(5, buckets({"0.001": 1000, "0.002": 1100, "+Inf": 1100}))
    value = evaluate(APPEND_P99, before, after)
    assert value == {"": pytest.approx(0.00199)}


def test_an_idle_histogram_has_no_latency() -> None:
    same = buckets({"0.001": 1000, "+Inf": 1000})
    for signal, extra in (
        (APPEND_P99, ""),
        (APPEND_MEAN, counter(1000) + "tikv_raftstore_append_log_duration_seconds_sum 1\n"),
    ):
        value = evaluate(signal, at(0, same + extra), at(5, same + extra))
        assert isinstance(value, Missing)
        assert value.cause is Cause.TOO_EARLY


def test_only_needed_families_are_parsed_and_nan_is_let_out() -> None:
    text = 'tikv_other_total{a="b"} not-a-number-at-all\ntikv_pd_pending_heartbeat_total NaN\n' + counter(3)
    scrape = at(0, text)
    assert set(scrape.samples) == {"process_start_time_seconds", "tikv_raftstore_append_log_duration_seconds_count"}


def test_an_escaped_label_and_a_time_stamp_do_not_confuse() -> None:
    text = 'tikv_raftstore_message_recv_by_store{store="4",x="a\\"}b\\\\"} 12 1700000000000\n'
    (sample,) = at(0, text).samples["tikv_raftstore_message_recv_by_store"]
    assert (sample.labels, sample.value) == ({"store": "4", "x": 'a"}b\\'}, 12.0)


@pytest.mark.parametrize("body", ["<html></html>", '{"a":1}', "tikv_raftstore_append_log_duration_seconds_count x\n"])
def test_what_is_not_metrics_is_nonsense(body: str) -> None:
    with pytest.raises(SubjectNonsense, match="text format"):
        parse(body, ALL, at=T0)


# Quantiles.


def dumb_quantile(q: float, marks: list[tuple[float, float]]) -> float | None:
    """The same in the dullest way: walk the ranks of each bucket's share one by one."""
    shares: list[tuple[float, float, float]] = []
    lower, below = 0.0, 0.0
    for bound, count in marks:
        raised = max(count, below)
        shares.append((lower, bound, raised - below))
        lower, below = bound, raised
    if below <= 0 or len(marks) < 2:
        return None
    left = q * below
    for low, high, share in shares:
        if share >= left and not (share == 0 and left > 0):
            if math.isinf(high):
                return low
            return low + (high - low) * (left / share) if share else high
        left -= share
    return marks[-2][0]


@given(
    q=st.floats(0.01, 0.99),
    shares=st.lists(st.integers(0, 50), min_size=2, max_size=12),
    beyond=st.integers(0, 50),
)
def test_a_quantile_agrees_with_a_dumber_way_to_compute_it(q: float, shares: list[int], beyond: int) -> None:
    total, marks = 0, list[tuple[float, float]]()
    for i, share in enumerate(shares):
        total += share
        marks.append((1e-5 * 2**i, float(total)))
    marks.append((math.inf, float(total + beyond)))
    expected = dumb_quantile(q, marks)
    found = quantile(q, [Bucket(*m) for m in marks])
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([(1.0, 10), (2.0, 20), (math.inf, 20)], 1.8),
        ([(1.0, 0), (2.0, 0), (math.inf, 5)], 2.0),
        ([(1.0, 10), (math.inf, 10)], 0.9),
        ([(-1.0, 10), (math.inf, 10)], -1.0),
        ([(1.0, 10), (2.0, 8), (math.inf, 20)], 2.0),
        ([(1.0, 10), (2.0, 8), (4.0, 20), (math.inf, 20)], 3.6),
        ([(math.inf, 10)], None),
        ([(1.0, 0), (math.inf, 0)], None),
    ],
)
def test_known_quantiles_of_90_per_cent(marks: list[tuple[float, float]], expected: float | None) -> None:
    assert quantile(0.9, [Bucket(*m) for m in marks]) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("q", "marks"),
    [
        (0.0, [(math.inf, 1)]),
        (1.0, [(math.inf, 1)]),
        (0.5, []),
        (0.5, [(1.0, 1)]),
        (0.5, [(2.0, 1), (1.0, 1), (math.inf, 1)]),
    ],
)
def test_broken_terms_are_refused(q: float, marks: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"q is|Inf|ascend"):
        quantile(q, [Bucket(*m) for m in marks])


def test_a_long_gap_leaves_no_rate_at_all() -> None:
    history = History()
    history.add(at(0, counter(100)))
    history.add(at(500, counter(200)))
    assert history.earlier(timedelta(seconds=7)) is None


@given(values=st.lists(st.floats(0, 10), min_size=1, max_size=9))
def test_the_median_of_the_others_agrees_with_leaving_one_out(values: list[float]) -> None:
    readings = tuple(
        Reading(
            id=ReadingId(f"o1.{i}"),
            component=store_ref(i),
            signal=n.STORE_APPEND_P99,
            value=v,
            unit=APPEND_P99.unit,
            at=T0,
            source="x",
        )
        for i, v in enumerate(values)
    )
    others = Others(Observation(cluster=ClusterName("c"), number=1, at=T0, readings=readings), n.STORE_APPEND_P99)
    for i, v in enumerate(values):
        rest = values[:i] + values[i + 1 :]
        assert others.median_without(v) == (pytest.approx(median(rest)) if rest else None)
