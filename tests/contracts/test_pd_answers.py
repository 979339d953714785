"""One contract for PD's answers, held against a real PD v8.5.5 (recorded) and against the simulated one.

What is compared is what a client can trip over: status, content type, how the JSON is laid out, which keys are there,
of which type, in which order, null or empty, and the words of every refusal. Values are not compared. A PD that no
store ever joined was recorded as well, but every simulated cluster is bootstrapped.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import pytest

if TYPE_CHECKING:
    from operator_simulator.model.etcd import Member

    from tests.contracts.conftest import Asked, Simulated

# -- shape of a JSON value --------------------------------------------------------------------------------------

_TEXTS: Final = (
    ("bool as text", r"true|false"),
    ("size", r"\d+(\.\d+)?([eE]\+\d+)?([KMGTPE]i)?B"),
    ("duration", r"-?(\d+(\.\d+)?(h|ms|m|s|µs|ns))+"),
    ("instant", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"),
    ("hex", r"([0-9A-F]{2}){8,}"),
)


def kind(value: object) -> str:
    """What a client's decoder must be ready for."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "whole"
        case float():
            return "fraction"
        case str():
            return next((name for name, form in _TEXTS if re.fullmatch(form, value)), "text" if value else "no text")
        case list():
            return "list" if value else "empty list"
        case _:
            return "object"


@dataclass(slots=True)
class Shape:
    """All places of a JSON value, lists and maps from ids merged: ``.stores[].store.id``, ``.limits{}.add-peer``."""

    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    seen: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    parent: dict[str, str] = field(default_factory=dict[str, str])
    order: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, value: object) -> Shape:
        shape = cls()
        shape._take("", value)
        return shape

    def _take(self, place: str, value: object) -> None:
        self.kinds[place].add(kind(value))
        self.seen[place] += 1
        if isinstance(value, list):
            for each in cast("list[object]", value):
                self.parent[f"{place}[]"] = place
                self._take(f"{place}[]", each)
        elif isinstance(value, dict):
            members = cast("dict[str, object]", value)
            if members and all(k.isdigit() for k in members):
                for each in members.values():
                    self.parent[f"{place}{{}}"] = place
                    self._take(f"{place}{{}}", each)
                return
            self.order[place].append(tuple(members))
            for key, each in members.items():
                self.parent[f"{place}.{key}"] = place
                self._take(f"{place}.{key}", each)

    def is_always_there(self, place: str) -> bool:
        return self.seen[place] == self.seen[self.parent[place]]


_LIKE: Final = {
    "empty list": {"list"}, "list": {"empty list"}, "no text": {"text", "hex"}, "text": {"no text"},
    "hex": {"no text"}, "fraction": set[str](), "whole": {"fraction"},
}  # fmt: skip
"""A whole number may stand where fractions do (Go writes 1.0 as 1), but not the other way round."""


def differences(real: object, ours: object) -> Iterator[str]:
    """How a second JSON value would surprise a client written for the first."""
    theirs, mine = Shape.of(real), Shape.of(ours)
    for place in sorted({*theirs.kinds, *mine.kinds}):
        if place not in mine.kinds:
            up = theirs.parent[place]
            if up in mine.kinds and mine.kinds[up] & {"list", "object"} and theirs.is_always_there(place):
                yield f"{place}: missing"
        elif place not in theirs.kinds:
            up = mine.parent[place]
            if up in theirs.kinds and theirs.kinds[up] & {"list", "object"}:
                yield f"{place}: too much"
        else:
            for k in sorted(mine.kinds[place]):
                if not {k, *_LIKE.get(k, set())} & theirs.kinds[place]:
                    yield f"{place}: {k} where there is {' or '.join(sorted(theirs.kinds[place]))}"
            is_member = place in theirs.parent and theirs.parent[place] in mine.kinds
            if is_member and theirs.is_always_there(place) and not mine.is_always_there(place):
                yield f"{place}: sometimes missing"
    for place, rows in theirs.order.items():
        if place in mine.order:
            a, b = rows[0], mine.order[place][0]
            if [k for k in a if k in b] != [k for k in b if k in a]:
                yield f"{place}: another order of keys"


def layout(body: bytes) -> str:
    """How the text is laid out: indented by how much, with a newline at the end or not."""
    text = body.decode()
    indent = re.search(r"^[\[{]\n( +)", text)
    inner = f"indented by {len(indent[1])}" if indent else "compact" if text[:1] in "[{" else "plain"
    return f"{inner}, {'newline' if text.endswith(chr(10)) else 'no newline'} at the end"


def words(text: str) -> str:
    """A text without this run's ids, times and addresses."""
    text = re.sub(r"https?://[\w.-]+:\d+", "<url>", text)
    text = re.sub(r"(\d{1,3}\.){3}\d{1,3}:\d+", "<address>", text)
    return re.sub(r"\d+(\.\d+)?", "#", text)


NOT_JSON: Final = object()


def parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return NOT_JSON


def first_line(text: str) -> str:
    return text.partition("\n")[0]


def compare(asked: Asked, status: int, content_type: str | None, body: bytes) -> Iterator[str]:
    """Everything by which an answer differs from the recorded one."""
    if asked.status != status:
        yield f"status {status} instead of {asked.status}: {body[:90]!r} instead of {asked.body[:90]!r}"
        return
    if asked.content_type != content_type:
        yield f"content type {content_type} instead of {asked.content_type}"
    real, ours = parsed(asked.body), parsed(body)
    if real is NOT_JSON or isinstance(real, str):
        read = first_line if asked.body.startswith(b"PANIC") else str  # a goroutine's trace is nobody's contract
        if words(read(asked.body.decode())) != words(read(body.decode())):
            yield f"{body[:160]!r} instead of {asked.body[:160]!r}"
    elif ours is NOT_JSON:
        yield f"not JSON: {body[:90]!r}"
    else:
        if real and ours and layout(asked.body) != layout(body):
            yield f"{layout(body)} instead of {layout(asked.body)}"
        if asked.body[-1:] != body[-1:] and b"\n" in (asked.body[-1:], body[-1:]):
            yield "the newline at the end"
        yield from differences(real, ours)


# -- what may differ --------------------------------------------------------------------------------------------

NOT_SIMULATED: Final = re.compile(
    r"/pd/api/v1/(checker/|config/(pd-server|replication-mode|rule_groups|placement-rule|rules/region/|region-label/)"
    r"|hotspot/buckets|labels/stores|metric/|admin/unsafe/|regions/(check/hist-|replicated)|schedulers/diagnostic/"
    r"|stores/(limit/scene|progress))"
)
"""Paths that no observer of a cluster needs; the simulator says 404 there."""

ALLOWED: Final = (
    (r"labels|location_labels", "the recorded cluster's stores have labels, the simulated one's have none"),
    (r"^: null where there is list$", "so GET /labels is null, as PD writes a list that was never made"),
    (r"hot_(read|write)_region_flows", "the feeder's regions are hot; simulated ones are evenly loaded"),
    (r"min_service_gc_safe_point: missing", "the feeder sets a safe point, as TiDB would; zero is left out"),
)
"""Differences by their text, each with its reason."""

SPLITS: Final = "PD splits a young cluster's key space by operators; the simulated cluster is months old"
ONLY_LEADERS: Final = "the only operators that the simulator makes move leaders"
SKIPPED: Final = {
    "healthy/operators_records": SPLITS,
    "follower_asked/forwarded_operators_records": SPLITS,
    "operators/get_none": SPLITS,
    "operators/add-peer_already_there": ONLY_LEADERS,
    "operators/transfer-peer_same": ONLY_LEADERS,
    "operators/transfer-peer_unknown_store": ONLY_LEADERS,
    "operators/merge_not_adjacent": ONLY_LEADERS,
    "operators/split_bad_policy": ONLY_LEADERS,
    "operators/scatter": ONLY_LEADERS,
    "operators/transfer-leader_stuck": "the feeder was told to keep a leader; simulated stores obey",
    "operators/operators_region_stuck": "the same",
    "operators/delete_running": "the same",
    "operators/operators_region_cancelled": "the same",
}

CATCHES_UP: Final = {
    "evict_leader/operators_records": 5.0,
    "operators/operators_region_finished": 5.0,
    "operators/records": 5.0,
}
"""The simulated PD schedules once a second, so what a real one has done after 0.2 s takes longer; in seconds."""


# -- the contract -----------------------------------------------------------------------------------------------

Recorded = Callable[[str], "Sequence[Asked]"]


def surprises(simulated: Simulated, situation: str, rows: Sequence[Asked], survivor: Member | None = None) -> list[str]:
    """Ask the simulated PD all that the real one was asked, at the same pace; say what would surprise its client."""
    cluster = simulated.cluster
    idle = [r.id for r in cluster.view.led_by(1) if r.id not in cluster.scheduling.running]
    regions: dict[str, str] = {}

    def translated(text: str) -> str:
        def other(match: re.Match[str]) -> str:
            if match[2] not in regions and int(match[2]) < 9999:
                regions[match[2]] = str(idle.pop())
            return match[1] + regions.get(match[2], match[2])

        return re.sub(r'(/region/id/|/operators/|/regions/sibling/|"region_id": )(\d+)', other, text)

    found: list[str] = []
    last = rows[0].at
    for row in rows:
        name = f"{situation}/{row.name}"
        if row.path == "/metrics" or NOT_SIMULATED.match(row.path) or name in SKIPPED:
            continue
        simulated.live(min(120.0, (row.at - last).total_seconds()) + CATCHES_UP.get(name, 0.0))
        last = row.at
        asked = survivor or (simulated.leader if "leader" in row.role else simulated.followers[0])
        path, body = translated(row.path), translated(row.request_body)
        answer, took = simulated.ask(asked, path, method=row.method, headers=row.headers, body=body)
        if answer is None or row.status is None:
            here = [] if answer is None and row.status is None else [f"{answer} instead of {row.status}"]
        else:
            here = list(compare(row, answer.status, answer.content_type, answer.body))
            if abs(took - row.elapsed_s) > 1:
                here.append(f"{took:.1f} s instead of {row.elapsed_s:.1f} s")
        found += [f"{name}: {text}" for text in here if not any(re.search(form, text) for form, _ in ALLOWED)]
    return found


@pytest.mark.parametrize("situation", ["healthy", "follower_asked", "evict_leader", "operators"])
def test_the_simulated_pd_answers_like_a_real_one(simulated: Simulated, recorded: Recorded, situation: str) -> None:
    assert surprises(simulated, situation, recorded(situation)) == []


def test_a_silent_store_looks_as_it_does_in_a_real_pd(simulated: Simulated, recorded: Recorded) -> None:
    cluster = simulated.cluster
    cluster.kill("tikv2")
    simulated.live_until(lambda: cluster.view.stores[5].state_name(cluster.now_s) == "Disconnected", 40)
    *rows, after_restart = recorded("store_disconnected")
    assert surprises(simulated, "store_disconnected", rows) == []
    cluster.start("tikv2")
    simulated.live(45)  # a store that starts says for a while that it is busy; the recorded feeder did not
    assert surprises(simulated, "store_disconnected", [after_restart]) == []


def test_a_new_leader_answers_like_a_real_one(simulated: Simulated, recorded: Recorded) -> None:
    cluster = simulated.cluster
    cluster.kill(simulated.leader.name)
    simulated.live(1)
    simulated.live_until(lambda: cluster.quorum.is_serving(cluster.now_s), 30)
    assert surprises(simulated, "leader_killed", recorded("leader_killed")) == []


@pytest.mark.parametrize("situation", ["quorum_lost", "quorum_lost_leader_survives"])
def test_a_lone_survivor_answers_like_a_real_one(simulated: Simulated, recorded: Recorded, situation: str) -> None:
    leader, (one, other) = simulated.leader, simulated.followers
    survivor, dead = (other, (leader, one)) if situation == "quorum_lost" else (leader, (one, other))
    for member in dead:
        simulated.cluster.kill(member.name)
    simulated.live(25)
    assert surprises(simulated, situation, recorded(situation), survivor) == []


def test_a_member_that_starts_alone_answers_nothing_like_a_real_one(simulated: Simulated, recorded: Recorded) -> None:
    members = simulated.cluster.quorum.members
    for member in members:
        simulated.cluster.kill(member.name)
    simulated.live(2)
    simulated.cluster.start(members[0].name)
    rows = recorded("starting_without_quorum")
    assert {r.status for r in rows} == {None}
    assert surprises(simulated, "starting_without_quorum", rows, members[0]) == []


# -- the comparer itself: what it lets through, and what it catches -----------------------------------------------

REAL: Final[object] = {
    "count": 2,
    "stores": [{"id": 1, "size": "1GiB", "busy": True}, {"id": 4, "size": "2GiB"}],
    "map": {},
}


@pytest.mark.parametrize(
    "ours",
    [
        {"count": 9, "stores": [{"id": 7, "size": "1.5TiB"}], "map": {}},
        {"count": 0, "stores": [], "map": {}},
    ],
)
def test_other_values_of_the_same_shape_are_no_difference(ours: object) -> None:
    assert list(differences(REAL, ours)) == []


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ({"count": 2, "stores": None, "map": {}}, ".stores: null where there is list"),
        ({"count": "2", "stores": [], "map": {}}, ".count: text where there is whole"),
        ({"count": 2.5, "stores": [], "map": {}}, ".count: fraction where there is whole"),
        ({"count": 2, "stores": []}, ".map: missing"),
        ({"count": 2, "stores": [], "map": {}, "more": 1}, ".more: too much"),
        ({"count": 2, "stores": [{"id": 1}], "map": {}}, ".stores[].size: missing"),
        ({"count": 2, "stores": [{"id": 1, "size": 5}], "map": {}}, ".stores[].size: whole where there is size"),
        ({"stores": [], "count": 2, "map": {}}, ": another order of keys"),
    ],
)
def test_another_shape_is_a_difference(ours: object, said: str) -> None:
    assert list(differences(REAL, ours)) == [said]


def test_layout_and_words_are_compared_and_ids_are_not() -> None:
    assert layout(b'{\n  "a": 1\n}\n') != layout(b'{"a":1}')
    assert layout(b"[]\n") != layout(b"[]")
    assert words("store 7 not found at http://pd0:2379") == words("store 99 not found at http://127.0.0.1:23791")
    assert words("store 7 not found") != words("region 7 not found")
