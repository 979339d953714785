"""Faults of the network, done in a container's network namespace on the interface of the data network.

They end with the namespace: a container that is started again has a new one, without them. What a fault of the
network is made of is in :mod:`operator_local.faults.rules`; how its coming was told, in :func:`did_not_come`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from operator_core.errors import ActionIndeterminate, ConfigurationError, DeploymentError
from operator_core.faults import Fault
from operator_core.ports import Clock

from operator_local.docker_program import DockerProgram
from operator_local.faults import rules
from operator_local.faults.catalogue import values_of
from operator_local.faults.containers import Attachment, Container, Containers
from operator_local.faults.rules import Ends, of_version
from operator_local.faults.steps import CONTAINER, IDENT
from operator_local.faults.tools import Tools
from operator_local.project import PROJECT_LABEL

NETWORK_LABEL = "operator.network"
DATA_NETWORK = "data"

_NETWORK, _ADDRESSES, _MAC, _FAR, _BESIDE, _BY = "network", "addresses", "mac", "far", "beside", "by"
_NETEM, _QUEUE, _HTB, _IPTABLES = "netem", "queue", "htb", "iptables"

_KNOCKS_AT = 9  # discard: nobody listens, so that the kernel turns it away at once
_SILENT_FOR_S = 0.7
_READY_WITHIN = timedelta(seconds=8)
_LOOKS_EVERY = timedelta(seconds=0.1)
_HELD_FOR_S = 86_400
_FLOODS_FOR_S = 0.5
_SURELY = 1e-6
_MOST_DATAGRAMS = 20_000


class NetworkFaults:
    """Cut, one-way cut, cut of a port, isolation, delay, loss, bandwidth."""

    def __init__(self, docker: DockerProgram, containers: Containers, tools: Tools, clock: Clock) -> None:
        self._docker = docker
        self._containers = containers
        self._tools = tools
        self._clock = clock
        self._kernel: Mapping[str, object] | None = None

    async def plan(self, fault: Fault, target: Container, others: tuple[Container, ...]) -> tuple[str, dict[str, str]]:
        """What it will do, and what must be known to do it and to take it back.

        Args:
            others: the other end of the fault, where it has one; else every other container of the project.

        Raises:
            ConfigurationError: it cannot be done to the container as it is, or not by this kernel.
        """
        values = values_of(fault)
        if fault.name == "delay" and values["jitter_ms"] > values["ms"]:
            raise ConfigurationError("delay: jitter_ms is more than ms")
        if not target.is_running or not target.pid:
            raise ConfigurationError(f"{fault}: its container is {target.status}; it has no network then")
        await self._tools.check()
        network_id, network = await self._data_network()
        here = _attachment(target, network_id)
        if here is None or not here.ipv4:
            raise ConfigurationError(f"{fault}: service {target.service} is not on the network {network}")
        there = {o.service: a for o in others if o.is_running and (a := _attachment(o, network_id)) and a.ipv4}
        if fault.toward is not None and not there:
            raise ConfigurationError(f"{fault}: there is nothing at the other end that runs on the network {network}")
        by = await self._by(fault)
        far = [a for t in there.values() for a in (t.ipv4, t.ipv6) if a] if fault.toward is not None else []
        steps = {
            _NETWORK: network,
            _ADDRESSES: " ".join(a for a in (here.ipv4, here.ipv6) if a),
            _MAC: here.mac,
            _FAR: " ".join(far),
            _BESIDE: " ".join([*(t.ipv4 for t in there.values()), *([here.gateway] if here.gateway else [])][:3]),
            _BY: by,
        }
        ends = f"{target.service} ({here.ipv4})" + (
            f" and {', '.join(f'{s} ({a.ipv4})' for s, a in there.items())}" if fault.toward is not None else ""
        )
        where = f"in the network namespace of container {target.id[:12]}, on the interface of network {network}"
        return f"{_does(fault, values, ends, by)} {where}; it ends when the container starts anew.", steps

    async def inject(self, fault: Fault, steps: Mapping[str, str]) -> None:
        """Put the rules, and measure their effect through the namespace.

        Raises:
            ActionIndeterminate: they are there, and their effect did not come.
        """
        target = await self._containers.present(steps[CONTAINER])
        if not target.is_running:
            raise DeploymentError(f"{fault}: its container is {target.status} since the fault was planned")
        if steps[_MAC] not in {a.mac for a in target.networks.values()}:
            raise DeploymentError(f"{fault}: the addresses of {target.service} changed since the fault was planned")
        values = values_of(fault)
        if steps[_BY] == _QUEUE:
            await self._hold(fault, steps, values)
        order = order_for(fault, steps, values)
        at_port = fault.name == "cut-port" and fault.toward is None
        before = await self._knock(steps, values) if at_port else None
        told = dict(await self._inside(order, steps))
        if before is not None:
            told |= {"before": before, "after": await self._knock(steps, values)}
            told |= await self._inside({"act": "hits", "ident": steps[IDENT]}, steps)
        if (reason := did_not_come(fault, values, told)) is not None:
            raise ActionIndeterminate(f"{fault}: {reason}; measured {json.dumps(told)}")

    async def undo(self, steps: Mapping[str, str]) -> None:
        """Take away what carries the fault's word; without the container, or with a new namespace, there is nothing."""
        target = await self._containers.still(steps[CONTAINER])
        await self._tools.remove(steps[IDENT])
        if target is None or not target.is_running or not target.pid:
            return
        try:
            await self._inside({"act": "undo", "ident": steps[IDENT], "class": _class_of(steps)}, steps)
        except DeploymentError:
            after = await self._containers.still(target.id)
            if after is not None and after.is_running and after.started_at == target.started_at:
                raise
            # It ended meanwhile, and its network with it.

    async def _by(self, fault: Fault) -> str:
        if fault.name not in {"delay", "bandwidth"}:
            return _IPTABLES
        if self._kernel is None:
            options = ("--network", "none", "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW")
            self._kernel = await self._tools.run("network", {"act": "kernel"}, ident="none", options=options)
        if fault.name == "bandwidth":
            if not self._kernel.get("htb"):
                raise ConfigurationError(f"{fault}: the engine's kernel has no queueing discipline htb")
            return _HTB
        if self._kernel.get("netem") and self._kernel.get("htb"):
            return _NETEM
        if self._kernel.get("queue"):
            return _QUEUE
        raise ConfigurationError(f"{fault}: the engine's kernel has neither netem nor packet queues (NFQUEUE)")

    async def _data_network(self) -> tuple[str, str]:
        """Id and name of the project's network that carries the label, else of its only one."""
        filters = ("--filter", f"label={PROJECT_LABEL}={self._containers.project}")
        ask = ("network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}", *filters)
        labelled = await self._docker.told(*ask, "--filter", f"label={NETWORK_LABEL}={DATA_NETWORK}")
        found = [line.split() for line in (labelled or await self._docker.told(*ask)).splitlines()]
        if len(found) != 1:
            raise ConfigurationError(
                f"{self._containers.project} has {len(found)} networks that may be meant; put the label "
                f"{NETWORK_LABEL}: {DATA_NETWORK} on one of them in the compose file"
            )
        return found[0][0], found[0][1]

    async def _hold(self, fault: Fault, steps: Mapping[str, str], values: Mapping[str, float]) -> None:
        order = {"queue": _queue_of(steps), **values, "for_s": _HELD_FOR_S}
        holder = await self._tools.start("holding", order, ident=steps[IDENT], options=_options(steps))
        told = ""
        try:
            async with self._clock.deadline(_READY_WITHIN):
                while "ready" not in (told := await self._tools.logs(holder)):
                    await self._clock.sleep(_LOOKS_EVERY)
        except TimeoutError as e:
            raise ActionIndeterminate(f"{fault}: what holds the packets did not begin: {told.strip()[-200:]}") from e

    async def _knock(self, steps: Mapping[str, str], values: Mapping[str, float]) -> object:
        """At the port, from a place of its own on the network: what leaves through our own loopback tells nothing."""
        at = [[steps[_ADDRESSES].split()[0], int(values["port"])]]
        order = {"act": "knock", "knock": at, "within_s": _SILENT_FOR_S}
        options = ("--network", steps[_NETWORK])
        return (await self._tools.run("network", order, ident=steps[IDENT], options=options))["after"]

    async def _inside(self, order: Mapping[str, object], steps: Mapping[str, str]) -> Mapping[str, object]:
        return await self._tools.run("network", order, ident=steps[IDENT], options=_options(steps))


def order_for(fault: Fault, steps: Mapping[str, str], values: Mapping[str, float]) -> dict[str, object]:
    """What the program in the namespace is to do: rules, classes, and how to measure."""
    ident, classid = steps[IDENT], _class_of(steps)
    far, own = steps[_FAR].split(), steps[_ADDRESSES].split()
    by_version: dict[str, tuple[rules.Rule, ...]] = {}
    for version in (4, 6):
        ends = Ends(addresses=of_version(version, far))
        is_there = bool(ends.addresses) if far else bool(of_version(version, own))
        by_version[str(version)] = _rules(fault, ident, ends, values, steps, classid) if is_there else ()
    tc: tuple[tuple[str, ...], ...] = ()
    if steps[_BY] == _HTB:
        tc = rules.slow_class(classid, values["mbit"])
    elif steps[_BY] == _NETEM:
        tc = rules.late_class(classid, 2 * values["ms"], 2 * values["jitter_ms"])
    port = int(values["port"]) if fault.name == "cut-port" and far else _KNOCKS_AT
    is_delay = fault.name == "delay"
    longest_s = 2 * (values["ms"] + values["jitter_ms"]) / 1000 if is_delay else 0
    return {
        "act": "do",
        "ident": ident,
        "address": own[0],
        "mac": steps[_MAC],
        "rules": by_version,
        "tc": tc,
        "class": classid,
        "knock": [[host, port] for host in of_version(4, far) or steps[_BESIDE].split()],
        "within_s": longest_s + 1 if is_delay else _SILENT_FOR_S,
        "tries": 3 if is_delay and longest_s <= 1 else 1,
        "datagrams": _datagrams(values["share"]) if fault.name == "loss" else 0,
        "flood_s": _FLOODS_FOR_S if fault.name == "bandwidth" else 0,
    }


def did_not_come(fault: Fault, values: Mapping[str, float], told: Mapping[str, object]) -> str | None:
    """Why what was measured does not show the fault's effect; None when it does.

    Args:
        told: milliseconds until others answered, ``before`` and ``after`` (None: not at all), and how many packets
            the rules met (``hits``).
    """
    before = cast("list[float | None]", told["before"])
    after = cast("list[float | None]", told["after"])
    hits = cast("int", told["hits"])
    if hits == 0:
        return "no packet has met its rules"
    match str(fault.name):
        case "cut" | "cut-one-way" | "cut-port" | "isolate":
            if any(ms is not None for ms in after):
                return "the other end still answers"
        case "delay":
            pairs = [(b, a) for b, a in zip(before, after, strict=True) if b is not None]
            if not pairs:
                return "nobody answered before either, so that nothing could be measured"
            least = 2 * (values["ms"] - values["jitter_ms"])
            late = [a for b, a in pairs if a is None or a - b >= 0.8 * least]
            if not late:
                return f"answers take less than {least:g} ms longer"
        case "bandwidth":
            mbit = cast("float", told["bytes_per_s"]) * 8 / 1_000_000
            if mbit > 1.5 * values["mbit"]:
                return f"{mbit:.1f} megabits a second leave"
        case _:
            pass
    return None


def _rules(
    fault: Fault, ident: str, ends: Ends, values: Mapping[str, float], steps: Mapping[str, str], classid: str
) -> tuple[rules.Rule, ...]:
    match str(fault.name):
        case "cut" | "isolate":
            return rules.drops(ident, ends)
        case "cut-one-way":
            return rules.drops(ident, ends, incoming=False)
        case "cut-port":
            return rules.drops_port(ident, ends, int(values["port"]))
        case "loss":
            return rules.loses(ident, ends, values["share"])
        case _ if steps[_BY] == _QUEUE:
            return rules.holds_back(ident, ends, _queue_of(steps))
        case _:
            return rules.classifies(ident, ends, classid)


def _does(fault: Fault, values: Mapping[str, float], ends: str, by: str) -> str:
    between = f"between {ends}" if fault.toward is not None else f"to and from {ends}"
    match str(fault.name):
        case "cut" | "isolate":
            return f"iptables drops every packet {between}"
        case "cut-one-way":
            near, _, far = ends.partition(" and ")
            return f"iptables drops every packet that {near} sends to {far}"
        case "cut-port":
            return f"iptables drops every packet of TCP and UDP port {values['port']:g} {between}"
        case "loss":
            return f"iptables drops {values['share']:.4g} of the packets {between}, by chance, each way"
        case "bandwidth":
            return f"tc (htb) lets no more than {values['mbit']:g} Mbit/s leave, of what passes {between}"
        case _:
            late = f"{values['ms']:g} ms" + (f" ± {values['jitter_ms']:g} ms" if values["jitter_ms"] else "")
            if by == _NETEM:
                return f"tc netem holds what leaves back for twice {late}, of what passes {between}: each way once"
            return (
                f"a program of ours holds packets {between} back for {late} each way, through a packet queue "
                "(this kernel has no netem)"
            )


def _options(steps: Mapping[str, str]) -> tuple[str, ...]:
    return ("--network", f"container:{steps[CONTAINER]}", "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW")


def _attachment(container: Container, network_id: str) -> Attachment | None:
    return next((a for a in container.networks.values() if a.network_id == network_id), None)


def _number(steps: Mapping[str, str]) -> int:
    return int(steps[IDENT].rpartition("-")[2][-8:], 16)


def _queue_of(steps: Mapping[str, str]) -> int:
    return _number(steps) % 65_000 + 1


def _class_of(steps: Mapping[str, str]) -> str:
    return f"{rules.ROOT}{_number(steps) % 65_000 + 1:x}"


def _datagrams(share: float) -> int:
    """So many that all of them pass a thousand times more rarely than once in a thousand runs."""
    return 20 if share >= 0.5 else min(_MOST_DATAGRAMS, math.ceil(math.log(_SURELY) / math.log(1 - share)))
