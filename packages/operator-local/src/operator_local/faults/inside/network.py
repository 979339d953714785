"""Rules in the network namespace that this program runs in: put, measured, taken away.

Everything that is put carries the fault's word: rules as their comment, a class of traffic by its number. The
interface is the one that has the address and the hardware address that Docker gave, whatever it is called.

Reads its order, JSON, from its standard input; ``act`` is ``do``, ``undo``, ``hits``, ``kernel`` or ``knock``.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

ROOT = "fa0:"
"""The handle of the queueing discipline that all classes of ours hang from."""
NOTHING_LISTENS_HERE = 9  # discard
TABLES = {"4": "iptables", "6": "ip6tables"}


def run(*command: str, fed: str = "", fine: bool = False) -> str:
    """What a command printed; unless a failure is fine, one ends this program with the command's own words."""
    answer = subprocess.run(command, input=fed, capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    if answer.returncode != 0 and not fine:
        sys.exit(f"{' '.join(command)}: {answer.stderr.strip()}")
    return answer.stdout


def works(*command: str) -> bool:
    """Whether a command ends well."""
    return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0  # noqa: S603


def tool(version: str, suffix: str = "") -> str | None:
    """The iptables that this kernel has: on nf_tables, else the older one."""
    name = TABLES[version]
    return next((n + suffix for n in (name, f"{name}-legacy") if works(n, "-w", "-L", "-n")), None)


def device(address: str, mac: str) -> str:
    """The interface with this address and this hardware address."""
    for link in json.loads(run("ip", "-json", "address", "show")):
        if link.get("address") == mac and any(a.get("local") == address for a in link["addr_info"]):
            return str(link["ifname"])
    sys.exit(f"no interface here has the address {address} and the hardware address {mac}")


def our_rules(version: str, ident: str) -> list[tuple[str, list[str], int]]:
    """Rules that carry the word: table, rule as iptables-save has it, packets so far."""
    save = tool(version, "-save")
    if save is None:
        return []
    found: list[tuple[str, list[str], int]] = []
    table = ""
    for line in run(save, "-c").splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("["):
            counted, *rule = line.split()
            if ident in rule:
                found.append((table, rule, int(counted[1:-1].split(":")[0])))
    return found


def hits(ident: str) -> int:
    """How many packets the rules have met."""
    return sum(packets for version in TABLES for _, _, packets in our_rules(version, ident))


def refuse_two_of_one(rules: Sequence[tuple[str, list[str]]], version: str) -> None:
    """A packet can be held back, or put into a class, once: end when another fault does so with the same ones."""
    save = tool(version, "-save")
    for line in run(save).splitlines() if save else ():
        there = line.split()
        for _, rule in rules:
            for jump in ("NFQUEUE", "CLASSIFY"):
                if jump in there and jump in rule and "operator-fault-" in line and same_packets(there, rule):
                    sys.exit(f"another fault already holds back the same packets: {line}")


def same_packets(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a packet could meet two rules."""
    if one[1] != other[1]:
        return False
    for option in ("-s", "-d"):
        if option in one and option in other:
            ends = [rule[rule.index(option) + 1].split("/")[0] for rule in (one, other)]
            if ends[0] != ends[1]:
                return False
    return True


def put(order: dict[str, Any], dev: str) -> None:
    """Put all rules and classes."""
    for version, rules in order["rules"].items():
        if not rules:
            continue
        here = [(table, [word.replace("{dev}", dev) for word in rule]) for table, rule in rules]
        restore = tool(version, "-restore")
        if restore is None:
            sys.exit(f"this kernel has no {TABLES[version]}")
        refuse_two_of_one(here, version)
        text = "".join(
            f"*{table}\n" + "".join(" ".join(rule) + "\n" for t, rule in here if t == table) + "COMMIT\n"
            for table in sorted({t for t, _ in here})
        )
        run(restore, "--noflush", "--wait", fed=text)
    if order["tc"]:
        roots = [q for q in json.loads(run("tc", "-json", "qdisc", "show", "dev", dev)) if q.get("root")]
        if roots and roots[0]["kind"] != "noqueue" and roots[0]["handle"] != ROOT:
            sys.exit(f"{dev} has a queueing discipline of its own: {roots[0]['kind']}")
        if not roots or roots[0]["handle"] != ROOT:
            run("tc", "qdisc", "add", "dev", dev, "root", "handle", ROOT, "htb")
        for command in order["tc"]:
            run("tc", *(word.replace("{dev}", dev) for word in command))


def take(order: dict[str, Any]) -> int:
    """Take away all rules with the word, and its class; gives how many rules there were."""
    taken = 0
    for version in TABLES:
        name = tool(version)
        for table, rule, _ in our_rules(version, order["ident"]):
            run(str(name), "-w", "-t", table, "-D", *rule[1:])
            taken += 1
    for link in json.loads(run("ip", "-json", "link", "show")):
        dev = str(link["ifname"])
        if ROOT not in run("tc", "qdisc", "show", "dev", dev).split():
            continue
        run("tc", "class", "del", "dev", dev, "classid", order["class"], fine=True)
        if not run("tc", "class", "show", "dev", dev).strip():
            run("tc", "qdisc", "del", "dev", dev, "root", "handle", ROOT, "htb")
    return taken


def clock() -> float:
    """Seconds from some instant on."""
    return time.monotonic()  # noqa: TID251 - a program of its own; there is no Clock


def knock(at: Sequence[tuple[str, int]], within_s: float) -> list[float | None]:
    """Milliseconds until each address let us in or turned us away; None when it did neither in time."""
    answered: dict[int, float] = {}
    begun = clock()
    pending: dict[socket.socket, int] = {}
    for n, (host, port) in enumerate(at):
        door = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        door.setblocking(False)
        door.connect_ex((host, port))
        pending[door] = n
    while pending and (left := within_s - (clock() - begun)) > 0:
        _, open_, _ = select.select([], list(pending), [], left)
        for door in open_:
            number = pending.pop(door)
            if door.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in {0, 111}:  # let in, or ECONNREFUSED
                answered[number] = (clock() - begun) * 1000
            door.close()
    for door in pending:
        door.close()
    return [answered.get(n) for n in range(len(at))]


def times(at: Sequence[tuple[str, int]], within_s: float, tries: int) -> list[float | None]:
    """The middle one of several knocks at each address; where nobody at all answers, once is enough."""
    rounds = [knock(at, within_s)]
    while len(rounds) < tries and any(ms is not None for ms in rounds[0]):
        rounds.append(knock(at, within_s))
    return [
        sorted(answers, key=lambda ms: float("inf") if ms is None else ms)[len(rounds) // 2]
        for answers in zip(*rounds, strict=True)
    ]


def send(host: str, count: int) -> int:
    """Send small datagrams; gives how many went out."""
    gone = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        for _ in range(count):
            try:
                gone += door.sendto(b"x", (host, NOTHING_LISTENS_HERE))
            except OSError:  # dropped on its way out, or turned away
                continue
    return gone


def flood(host: str, for_s: float, dev: str, classid: str) -> float:
    """Send as much as goes for a while; gives the class's bytes a second."""
    begun, before = clock(), sent_bytes(dev, classid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
        door.settimeout(for_s)
        while clock() - begun < for_s:
            try:
                door.sendto(b"x" * 1000, (host, NOTHING_LISTENS_HERE))
            except OSError:
                continue
    return (sent_bytes(dev, classid) - before) / (clock() - begun)


def sent_bytes(dev: str, classid: str) -> int:
    """What has left through a class."""
    for found in json.loads(run("tc", "-s", "-json", "class", "show", "dev", dev)):
        if found["handle"] == classid:
            return int(found["stats"]["bytes"])
    return 0


def do(order: dict[str, Any]) -> dict[str, object]:
    """Put the rules, and measure before and after."""
    dev = device(order["address"], order["mac"])
    at = [(host, port) for host, port in order["knock"]]
    within_s, tries = order["within_s"], order["tries"]
    before = knock(at, 1.0)
    put(order, dev)
    result: dict[str, object] = {"dev": dev, "before": before, "after": times(at, within_s, tries)}
    if order["datagrams"] and at:
        send(at[0][0], order["datagrams"])
    if order["flood_s"] and at:
        result["bytes_per_s"] = flood(at[0][0], order["flood_s"], dev, order["class"])
    return {**result, "hits": hits(order["ident"])}


def kernel() -> dict[str, bool]:
    """What this kernel has, tried out in a namespace of our own."""
    queue = ("-w", "-t", "mangle", "-A", "OUTPUT", "-j", "NFQUEUE", "--queue-num", "1", "--queue-bypass")
    name = tool("4")
    has_queue = name is not None and works(name, *queue)
    has_netem = works("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    run("tc", "qdisc", "del", "dev", "lo", "root", fine=True)
    has_htb = works("tc", "qdisc", "add", "dev", "lo", "root", "handle", ROOT, "htb")
    return {"queue": has_queue, "netem": has_netem, "htb": has_htb}


def main() -> None:
    """Do what is ordered."""
    order: dict[str, Any] = json.loads(sys.stdin.read())
    told: object
    if order["act"] == "do":
        told = do(order)
    elif order["act"] == "undo":
        told = {"taken": take(order)}
    elif order["act"] == "hits":
        told = {"hits": hits(order["ident"])}
    elif order["act"] == "kernel":
        told = kernel()
    else:
        told = {"after": knock([(host, port) for host, port in order["knock"]], order["within_s"])}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
