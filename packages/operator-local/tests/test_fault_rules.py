import pytest
from operator_core.components import ComponentRef
from operator_core.faults import Fault, FaultName
from operator_local.faults import rules
from operator_local.faults.catalogue import values_of
from operator_local.faults.network import did_not_come, order_for
from operator_local.faults.rules import Ends

_IDENT = "operator-fault-00000000ff"
_ONE = Ends(addresses=("10.0.0.7",))
_ALL = Ends(addresses=())


def _fault(name: str, **parameters: float) -> Fault:
    toward = ComponentRef.parse("kiln/k1") if name == "cut" else None
    return Fault(name=FaultName(name), target=ComponentRef.parse("kiln/k0"), toward=toward, parameters=parameters)


def _lines(made: tuple[rules.Rule, ...]) -> list[str]:
    comment = f"-m comment --comment {_IDENT} "
    lines = [f"{table} {' '.join(words)}" for table, words in made]
    assert all(comment in line for line in lines)
    return [line.replace(comment, "") for line in lines]


def test_every_rule_carries_the_word_of_its_fault_and_binds_to_the_interface():
    assert _lines(rules.drops(_IDENT, _ALL)) == [
        "filter -A OUTPUT -o {dev} -j DROP",
        "filter -A INPUT -i {dev} -j DROP",
    ]
    assert _lines(rules.drops(_IDENT, _ONE, incoming=False)) == ["filter -A OUTPUT -o {dev} -d 10.0.0.7 -j DROP"]


def test_a_port_alone_is_our_own_and_between_two_it_is_either_sides():
    assert _lines(rules.drops_port(_IDENT, _ALL, 80))[:2] == [
        "filter -A OUTPUT -o {dev} -p tcp --sport 80 -j DROP",
        "filter -A INPUT -i {dev} -p tcp --dport 80 -j DROP",
    ]
    between = [line for line in _lines(rules.drops_port(_IDENT, _ONE, 80)) if "tcp" in line]
    assert {line.split(" -p ")[1] for line in between} == {"tcp --sport 80 -j DROP", "tcp --dport 80 -j DROP"}
    assert len(between) == 4


def test_what_is_held_back_is_so_before_it_could_be_dropped():
    made = (*rules.holds_back(_IDENT, _ONE, 7), *rules.classifies(_IDENT, _ONE, "fa0:7"))

    assert {table for table, _ in made} == {"mangle"}
    assert all("--queue-bypass" in words for _, words in made if "NFQUEUE" in words)


def test_a_share_of_one_is_everything():
    assert rules.loses(_IDENT, _ALL, 1) == rules.drops(_IDENT, _ALL)
    assert "--probability 0.250000" in _lines(rules.loses(_IDENT, _ALL, 0.25))[0]


def test_netem_holds_back_what_leaves_for_both_ways():
    fault = _fault("delay", ms=100, jitter_ms=10)
    steps = {"ident": _IDENT, "addresses": "10.0.0.2 fd00::2", "mac": "02:00", "far": "", "beside": "10.0.0.3"}

    by_netem = order_for(fault, {**steps, "by": "netem"}, values_of(fault))
    by_queue = order_for(fault, {**steps, "by": "queue"}, values_of(fault))

    assert by_netem["tc"] == (
        ("class", "add", "dev", "{dev}", "parent", "fa0:", "classid", "fa0:100", "htb", "rate", "10gbit"),
        ("qdisc", "add", "dev", "{dev}", "parent", "fa0:100", "netem", "limit", "20000", "delay", "200ms", "20ms"),
    )
    assert "CLASSIFY" in str(by_netem["rules"])
    assert by_queue["tc"] == ()
    assert "--queue-num 256" in str(by_queue["rules"]).replace("', '", " ")
    assert by_queue["knock"] == [["10.0.0.3", 9]]


def test_an_ip_version_that_the_container_does_not_have_gets_no_rules():
    steps = {"ident": _IDENT, "addresses": "10.0.0.2", "mac": "02:00", "far": "", "beside": "", "by": "iptables"}

    order = order_for(_fault("isolate"), steps, {})
    both = order_for(_fault("isolate"), {**steps, "addresses": "10.0.0.2 fd00::2"}, {})

    assert order["rules"] == {"4": rules.drops(_IDENT, _ALL), "6": ()}
    assert both["rules"] == {"4": rules.drops(_IDENT, _ALL), "6": rules.drops(_IDENT, _ALL)}


_LATE, _WIDE = 230.0, 4_000_000


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (_fault("cut"), {"before": [0.2], "after": [None], "hits": 2}),
        (_fault("cut"), {"before": [None], "after": [None], "hits": 2}),  # it was dead before
        (_fault("delay", ms=100), {"before": [0.2], "after": [_LATE], "hits": 4}),
        (_fault("delay", ms=100), {"before": [None, 0.2], "after": [None, _LATE], "hits": 4}),
        (_fault("delay", ms=100, jitter_ms=50), {"before": [0.2], "after": [101.0], "hits": 4}),
        (_fault("loss"), {"before": [0.2], "after": [0.2], "hits": 1}),
        (_fault("bandwidth", mbit=8), {"before": [0.2], "after": [0.2], "hits": 9, "bytes_per_s": 1_050_000.0}),
    ],
)
def test_an_effect_that_came_is_seen(fault: Fault, told: dict[str, object]):
    assert did_not_come(fault, values_of(fault), told) is None


@pytest.mark.parametrize(
    ("fault", "told", "says"),
    [
        (_fault("cut"), {"before": [0.2], "after": [None], "hits": 0}, "no packet has met its rules"),
        (_fault("isolate"), {"before": [0.2, 0.2], "after": [None, 0.2], "hits": 3}, "still answers"),
        (_fault("delay", ms=100), {"before": [0.2], "after": [1.0], "hits": 3}, "less than 200 ms longer"),
        (_fault("delay", ms=100), {"before": [None], "after": [None], "hits": 3}, "nobody answered before"),
        (_fault("loss"), {"before": [0.2], "after": [0.2], "hits": 0}, "no packet has met"),
        (_fault("bandwidth", mbit=8), {"before": [], "after": [], "hits": 9, "bytes_per_s": _WIDE}, "32.0 megabits"),
    ],
)
def test_an_effect_that_did_not_come_is_told_by_what_was_measured(fault: Fault, told: dict[str, object], says: str):
    assert says in str(did_not_come(fault, values_of(fault), told))
