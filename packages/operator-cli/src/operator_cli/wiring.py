"""The composition root: the only place that knows every room.

It decides which cluster is meant and hands each room what it needs of the others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, assert_never

from operator_core.components import Address, AddressMap
from operator_core.errors import ConfigurationError
from operator_core.knowledge import Knowledge
from operator_core.log_events import LogReader
from operator_core.ports import Clock, Diagnoser, FaultJournal, Ledger, Subject
from operator_core.readings import ClusterName
from operator_core.runtime import RealClock

if TYPE_CHECKING:
    from operator_ledger import SqlLedger
    from operator_local import LocalDeployment
    from operator_simulator import EmbeddedDeployment

    from operator_cli.places import Place
    from operator_cli.settings import ClusterSettings, Loaded

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which cluster the options name; what they leave open is filled from settings and deployments."""

    subject: str | None = None
    pd: tuple[str, ...] = ()
    prometheus: str | None = None
    cluster: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """Somebody else's cluster."""

    name: str
    settings: ClusterSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A simulated cluster that runs in the background on this machine."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A cluster that Docker Compose runs on this machine."""

    name: str


Meant = Attached | Embedded | Local


def cluster_name(meant: Meant) -> ClusterName:
    """The name under which the ledger knows the cluster."""
    match meant:
        case Attached():
            return ClusterName(meant.name)
        case Embedded():
            return ClusterName(f"embedded:{meant.name}")
        case Local():
            return ClusterName(f"local:{meant.name}")
        case _:
            assert_never(meant)


def embedded_directory(state: Path) -> Path:
    """Where the embedded deployments keep their state."""
    return state / "embedded"


def deployments_up(state: Path) -> tuple[Embedded | Local, ...]:
    """The deployments that are up, as far as this machine's state folder knows."""
    from operator_simulator import embedded_deployments

    from operator_cli.local_deployments import names

    embedded = [Embedded(name=name) for name in embedded_deployments(embedded_directory(state))]
    return (*embedded, *(Local(name=name) for name in names(state)))


def resolve(choice: Choice, loaded: Loaded) -> Meant:
    """Which cluster is meant: addresses, else a cluster of the settings, else a deployment.

    Raises:
        ConfigurationError: the options contradict each other, name nothing that exists, or leave it open.
    """
    from operator_cli.settings import SUBJECTS, ClusterSettings

    settings = loaded.settings
    if choice.subject is not None and choice.subject not in SUBJECTS:
        raise ConfigurationError(f"unknown subject {choice.subject!r}; there is {', '.join(SUBJECTS)}")
    given = [o for o, v in (("--pd", choice.pd), ("--cluster", choice.cluster), ("--name", choice.name)) if v]
    if len(given) > 1:
        raise ConfigurationError(f"{' and '.join(given)} name different clusters; one of them is enough")
    if choice.pd:
        return Attached(
            name=choice.pd[0].split("://")[-1].rstrip("/"),
            settings=ClusterSettings(pd=choice.pd, prometheus=choice.prometheus),
        )
    if choice.prometheus and not choice.cluster:
        raise ConfigurationError(f"--prometheus {choice.prometheus} needs --pd beside it")
    if choice.cluster:
        found = settings.clusters.get(choice.cluster)
        if found is None:
            known = ", ".join(sorted(settings.clusters)) or "none"
            raise ConfigurationError(f"no cluster {choice.cluster!r} in {loaded.path}; there is {known}")
        if choice.prometheus:
            found = found.model_copy(update={"prometheus": choice.prometheus})
        return Attached(name=choice.cluster, settings=found)
    up = deployments_up(settings.state_directory)
    if choice.name:
        named = [d for d in up if d.name == choice.name]
        if not named:
            there = ", ".join(cluster_name(d) for d in up) or "none"
            raise ConfigurationError(f"no deployment {choice.name!r} is up; up: {there}")
        up = tuple(named)
    if len(up) > 1:
        names = ", ".join(cluster_name(d) for d in up)
        raise ConfigurationError(f"{len(up)} deployments are up: {names}; say which with --name")
    if not up:
        raise ConfigurationError(
            "no deployment is up; start one (operator deploy embedded up), or name a cluster (--pd, --cluster)"
        )
    return up[0]


def recorded_name(choice: Choice, loaded: Loaded) -> ClusterName:
    """Under which name the record knows the cluster that is meant; one that is named need not be there any more.

    Raises:
        ConfigurationError: see :func:`resolve`.
    """
    if choice.cluster and not (choice.pd or choice.name):
        return ClusterName(choice.cluster)
    return cluster_name(resolve(choice, loaded))


def is_deployment(cluster: ClusterName) -> bool:
    """Whether a name of the record is that of a deployment on this machine, up or not."""
    return cluster.startswith((cluster_name(Embedded(name="")), cluster_name(Local(name=""))))


def meant_by(cluster: ClusterName, loaded: Loaded) -> Meant | None:
    """Where a cluster of the record can be reached; None when neither the settings nor this machine know."""
    settings = loaded.settings.clusters.get(cluster)
    if settings is not None:
        return Attached(name=cluster, settings=settings)
    return next((d for d in deployments_up(loaded.settings.state_directory) if cluster_name(d) == cluster), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A cluster ready to be observed."""

    cluster: ClusterName
    subject: Subject
    clock: Clock
    meant: Meant


def embedded(name: str, loaded: Loaded) -> EmbeddedDeployment:
    """The embedded deployment of that name, up or not."""
    from operator_simulator import EmbeddedDeployment

    return EmbeddedDeployment(name=name, state_directory=embedded_directory(loaded.settings.state_directory))


def local(name: str, loaded: Loaded) -> LocalDeployment:
    """The local deployment of that name as it was brought up, up or not."""
    from operator_cli.local_deployments import LocalChoice, deployment, remembered

    return deployment(name, remembered(loaded.settings.state_directory, name) or LocalChoice())


@asynccontextmanager
async def watch(meant: Meant) -> AsyncGenerator[Watched]:
    """A subject for the cluster that is meant; its connections are let go of at the end.

    Raises:
        ConfigurationError: an address is malformed.
        DeploymentError: the deployment does not tell its addresses.
    """
    from operator_tikv import TikvSubject, TikvTargets, TlsFiles

    from operator_cli.settings import load

    match meant:
        case Attached(settings=settings):
            clock: Clock = RealClock()
            targets = TikvTargets(
                pd=settings.pd,
                prometheus=settings.prometheus,
                addresses=AddressMap({Address(k): Address(v) for k, v in settings.addresses.items()}),
                tls=None
                if settings.tls is None
                else TlsFiles(ca=settings.tls.ca, certificate=settings.tls.certificate, key=settings.tls.key),
            )
        case Embedded() | Local():
            deployment = embedded(meant.name, load()) if isinstance(meant, Embedded) else local(meant.name, load())
            endpoints = await deployment.endpoints()
            clock = deployment.clock()
            prometheus = [e for e in endpoints if e.component.kind == "prometheus"]
            targets = TikvTargets(
                pd=tuple(f"http://{e.reachable}" for e in endpoints if e.component.kind == "pd"),
                prometheus=f"http://{prometheus[0].reachable}" if prometheus else None,
                addresses=AddressMap.of(endpoints),
            )
        case _:
            assert_never(meant)
    subject = TikvSubject(cluster=cluster_name(meant), targets=targets, clock=clock)
    try:
        yield Watched(cluster=cluster_name(meant), subject=subject, clock=clock, meant=meant)
    finally:
        await subject.close()


def ledger_place(loaded: Loaded, ledger: str | None) -> Place:
    """Where the record is: where the option says, else where the settings say.

    Raises:
        ConfigurationError: the option names no place.
    """
    from operator_cli.places import place_of

    return loaded.settings.ledger_place if ledger is None else place_of(ledger, of="--ledger")


@asynccontextmanager
async def open_ledger(
    loaded: Loaded, ledger: str | None = None, *, may_begin: bool = False
) -> AsyncGenerator[SqlLedger]:
    """The durable record.

    Args:
        loaded: the settings, which say where it is when `ledger` does not.
        ledger: a file or a URL.
        may_begin: a file that an option names is created when it is not there; else only that of the settings is.

    Raises:
        ConfigurationError: `ledger` names no place, or a file that is not there: whoever reads a record that nobody
            wrote would be told that all is well.
        LedgerError: it cannot be opened.
    """
    from operator_ledger import SqlLedger

    place = ledger_place(loaded, ledger)
    if ledger is not None and not may_begin and place.file is not None and not place.file.exists():
        raise ConfigurationError(f"--ledger is {ledger!r}, and there is no file {place.file}")
    async with await SqlLedger.open(place.location) as opened:
        yield opened


def cluster_clock(cluster: ClusterName, loaded: Loaded) -> Clock:
    """The clock of a cluster of the record: its own while it is an embedded one that is up, else the wall clock."""
    prefix = cluster_name(Embedded(name=""))
    if cluster.startswith(prefix):
        from operator_simulator import embedded_deployments

        name = cluster.removeprefix(prefix)
        if name in embedded_deployments(embedded_directory(loaded.settings.state_directory)):
            return embedded(name, loaded).clock()
    return RealClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The ledger, as a person reads it and writes into it.

    Attributes:
        clock: of each cluster in it; what a person does there happens at an instant of that cluster.
    """

    ledger: Ledger
    clock: Callable[[ClusterName], Clock]

    def now(self, cluster: ClusterName) -> datetime:
        """The instant at a cluster."""
        return self.clock(cluster).now()


def record_of(ledger: Ledger, loaded: Loaded) -> Record:
    """A ledger as a person reads it and writes into it."""
    return Record(ledger=ledger, clock=lambda cluster: cluster_clock(cluster, loaded))


async def on_ledger(
    loaded: Loaded, ledger: str | None, use_case: Callable[[SqlLedger], Awaitable[T]], *, may_begin: bool = False
) -> T:
    """Await a use case on the ledger that the option or the settings name; see :func:`open_ledger`."""
    async with open_ledger(loaded, ledger, may_begin=may_begin) as opened:
        return await use_case(opened)


async def on_record(loaded: Loaded, ledger: str | None, use_case: Callable[[Record], Awaitable[T]]) -> T:
    """Await a use case on the same as a record, read and written by a person."""
    return await on_ledger(loaded, ledger, lambda opened: use_case(record_of(opened, loaded)))


def knowledge() -> Knowledge:
    """What is known of the subject, without asking any cluster."""
    from operator_tikv import KNOWLEDGE

    return KNOWLEDGE


def log_reader() -> LogReader:
    """How the subject's components' logs are read."""
    from operator_tikv import read_log

    return read_log


@asynccontextmanager
async def open_journal(loaded: Loaded) -> AsyncGenerator[FaultJournal]:
    """The record of faults: another file, that nothing but chaos is given."""
    from operator_ledger import SqlFaultJournal

    async with await SqlFaultJournal.open(loaded.settings.state_directory / "faults.db") as journal:
        yield journal


def diagnoser() -> Diagnoser:
    """The rules diagnoser, its claims re-checked by code that had no part in them; it needs nothing."""
    from operator_diagnosis import Rechecked, RulesDiagnoser

    return Rechecked(RulesDiagnoser())
