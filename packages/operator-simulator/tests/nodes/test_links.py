"""How a link is judged by the beats that were sent, heard and missed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from operator_simulator.model.network import OUTSIDE, Network
from operator_simulator.nodes.frames import Heard, Report
from operator_simulator.nodes.links import Links

NAMES: tuple[str, ...] = ("pd0", "tikv0", "tikv1")
LIVES: dict[str, int] = dict.fromkeys(NAMES, 7)


@dataclass
class Beaten:
    """Nodes that send and report five times a second, over links that a test spoils."""

    cut: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    asleep: set[str] = field(default_factory=set[str])
    is_noticed: bool = True
    rtt_s: float | None = 0.0004
    loss: float = 0.0
    said: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.network = Network(NAMES, random.Random(1))
        self.links = Links(self.network, self.said.append)
        self.sent: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.got = {(a, b): 0 for a in NAMES for b in NAMES}
        self.top = dict(self.got)
        self.lives = dict(LIVES)
        self.rng = random.Random(2)

    def live(self, seconds: float) -> None:
        for _ in range(round(seconds * 5)):
            awake = [n for n in NAMES if n not in self.asleep]
            for a in awake:
                self.sent[a] += 1
                for b in NAMES:
                    if a != b and (a, b) not in self.cut and self.rng.random() >= self.loss:
                        self.got[a, b] += 1
                        self.top[a, b] = self.sent[a]
            running = {n: self.lives[n] for n in NAMES if n in awake or not self.is_noticed}
            for b in awake:
                self.links.told(b, self.lives[b], self.report(b), running)

    def report(self, name: str) -> Report:
        heard = (
            Heard(peer=a, life=self.lives[a], got=self.got[a, name], top=self.top[a, name], rtt_s=self.rtt_s)
            for a in NAMES
            if a != name
        )
        return Report(sent=self.sent[name], heard=tuple(heard), capacity_bytes=0, available_bytes=0)


@pytest.mark.parametrize("loss", [0.0, 0.001])
def test_a_healthy_quarter_of_an_hour_feels_nothing(loss: float) -> None:
    room = Beaten(loss=loss, rtt_s=0.008)
    room.live(900)
    assert room.said == []
    assert room.network.version == 0


def test_a_cut_is_felt_in_its_direction_only_within_two_to_three_seconds_and_heals() -> None:
    room = Beaten()
    room.live(10)
    room.cut = {("tikv0", "tikv1")}
    room.live(1.8)
    assert room.network.carries("tikv0", "tikv1")
    room.live(1)
    assert not room.network.carries("tikv0", "tikv1")
    assert room.network.carries("tikv1", "tikv0")
    assert room.network.talks("tikv0", "pd0")
    assert not room.network.talks("tikv0", "tikv1")
    room.cut = set()
    room.live(1.2)
    assert room.network.talks("tikv0", "tikv1")
    room.live(20)
    assert room.network.layers == {}
    assert room.said == ["tikv0 to tikv1: cut", "tikv0 to tikv1: as usual"]


def test_a_link_that_was_cut_before_its_ends_met_is_felt() -> None:
    room = Beaten(cut={("pd0", "tikv0"), ("tikv0", "pd0")})
    room.live(3)
    assert not room.network.carries("pd0", "tikv0")
    assert not room.network.carries("tikv0", "pd0")


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("pause_s", [3, 300])
def test_a_frozen_node_is_not_a_cut_one(pause_s: float, is_noticed: bool) -> None:
    room = Beaten(is_noticed=is_noticed)
    room.live(10)
    room.asleep = {"tikv1"}
    room.live(pause_s)
    room.asleep = set()
    room.live(10)
    assert room.said == []


def test_a_burst_of_lost_beats_shorter_than_the_patience_cuts_nothing() -> None:
    room = Beaten()
    for _ in range(10):
        room.live(20)
        room.cut = {("tikv0", "tikv1")}
        room.live(1.6)
        room.cut = set()
    assert not any("cut" in words for words in room.said)


def test_a_slow_link_takes_as_long_as_was_measured_and_wavers_not() -> None:
    room = Beaten()
    room.live(5)
    room.rtt_s = 0.2
    room.live(2)
    assert room.network.one_way_s("tikv0", "pd0") == pytest.approx(0.1, abs=0.001)
    version = room.network.version
    for rtt_s in (0.21, 0.19, 0.22, 0.2):
        room.rtt_s = rtt_s
        room.live(2)
    assert room.network.version == version
    room.rtt_s = 0.5
    room.live(1)
    assert room.network.one_way_s("tikv0", "pd0") == pytest.approx(0.25, abs=0.001)
    room.rtt_s = 0.001
    room.live(1)
    assert room.network.layers == {}


def test_one_slow_round_trip_is_no_slow_link() -> None:
    room = Beaten()
    for _ in range(20):
        room.rtt_s = 3.0
        room.live(0.6)
        room.rtt_s = 0.001
        room.live(3)
    assert room.said == []


def test_lost_beats_are_felt_as_loss_and_not_as_a_cut() -> None:
    room = Beaten(loss=0.3)
    room.live(300)
    assert 0.1 < room.network.loss("tikv0", "tikv1") < 0.6
    assert not any("cut" in words for words in room.said)
    room.loss = 0.0
    room.live(20)
    assert room.network.layers == {}


def test_who_is_cut_off_from_everybody_is_cut_off_from_clients() -> None:
    room = Beaten()
    room.live(5)
    others = ("pd0", "tikv0")
    room.cut = {("tikv1", o) for o in others} | {(o, "tikv1") for o in others}
    room.live(3)
    assert not room.network.talks(OUTSIDE, "tikv1")
    assert room.network.talks(OUTSIDE, "tikv0")
    room.cut = set()
    room.live(20)
    assert room.network.talks(OUTSIDE, "tikv1")
    assert room.network.layers == {}


def test_a_restarted_node_begins_with_links_that_are_whole() -> None:
    room = Beaten()
    room.live(5)
    room.cut = {("tikv1", "pd0"), ("pd0", "tikv1")}
    room.live(5)
    assert room.network.layers
    room.links.forget("tikv1")
    assert room.network.layers == {}
    room.lives["tikv1"], room.sent["tikv1"], room.cut = 8, 0, set()
    for a in NAMES:
        room.got["tikv1", a] = room.top["tikv1", a] = room.got[a, "tikv1"] = room.top[a, "tikv1"] = 0
    room.live(20)
    assert room.network.layers == {}
