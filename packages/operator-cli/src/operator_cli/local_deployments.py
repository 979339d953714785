"""Which local deployments were brought up from here, and how: what a later command has to say to Compose again.

A file for each in the state folder; its name is the deployment's. One that is empty, or that cannot be read, stands for
a deployment of which only the name is known.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from operator_core.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import timedelta

    from operator_local import LocalDeployment

FEWEST_STORES, MOST_STORES = 3, 9

_OFFSET = "OPERATOR_PORT_OFFSET"
_STORES = "OPERATOR_STORES"
_LAST_OFFSET = 44000
_COUNTED = "stores-"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalChoice:
    """How a local deployment is made.

    Attributes:
        stores: how many.
        port_offset: what is added to every published port; None for what the environment says, or none.
        profiles: what comes up beside the cluster.
        overrides: compose files over the subject's own, whole paths.
        on_disk: whether the cluster's data is on this machine's disk, and not in its memory.
        simulated: whether simulated nodes are in PD's and TiKV's place.
    """

    stores: int = FEWEST_STORES
    port_offset: int | None = None
    profiles: tuple[str, ...] = ()
    overrides: tuple[Path, ...] = ()
    on_disk: bool = False
    simulated: bool = False


def marks(state: Path) -> Path:
    """Where the files are."""
    return state / "local"


def remembered(state: Path, name: str) -> LocalChoice | None:
    """How a deployment was brought up; None when it was not, or is down and has left no data."""
    from pydantic import TypeAdapter, ValidationError

    mark = next((m for m in (marks(state) / name, _asleep(state, name)) if m.is_file()), None)
    if mark is None:
        return None
    text = mark.read_text(encoding="utf-8")
    try:
        return TypeAdapter(LocalChoice).validate_json(text)
    except ValidationError:
        return LocalChoice()


def remember(state: Path, name: str, choice: LocalChoice) -> None:
    """Keep how a deployment is brought up, before it is: also one that fails halfway is to be looked at."""
    from pydantic import TypeAdapter

    marks(state).mkdir(parents=True, exist_ok=True)
    mark = marks(state) / name
    draft = mark.with_name(f".{name}.{os.getpid()}")
    draft.write_bytes(TypeAdapter(LocalChoice).dump_json(choice))
    draft.replace(mark)
    _asleep(state, name).unlink(missing_ok=True)


def forget(state: Path, name: str, *, data_stays: bool = False) -> None:
    """There is none of that name up any more.

    Args:
        data_stays: what it is made of is kept for the next time, for its data is.
    """
    mark = marks(state) / name
    if data_stays and mark.is_file():
        mark.replace(_asleep(state, name))
        return
    mark.unlink(missing_ok=True)
    if not data_stays:
        _asleep(state, name).unlink(missing_ok=True)


def _asleep(state: Path, name: str) -> Path:
    return marks(state) / f".{name}.asleep"


def names(state: Path) -> tuple[str, ...]:
    """The deployments that were brought up from here and not taken down."""
    folder = marks(state)
    return tuple(sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))) if folder.is_dir() else ()


def chosen(
    before: LocalChoice | None,
    *,
    stores: int | None,
    port_offset: int | None,
    profiles: Sequence[str],
    overrides: Sequence[Path],
    on_disk: bool | None = None,
    simulated: bool | None = None,
) -> LocalChoice:
    """How a deployment is meant to be: what the options say, else how it is up already.

    Args:
        before: how it was brought up, when it is up or its data is there.

    Raises:
        ConfigurationError: an option makes no sense, or would leave a store behind that nothing knows of.
    """
    was = before or LocalChoice()
    if stores is not None and not FEWEST_STORES <= stores <= MOST_STORES:
        raise ConfigurationError(
            f"--stores is {stores}; {FEWEST_STORES} to {MOST_STORES} are meant: three replicas need as many stores"
        )
    if before is not None and stores is not None and stores < before.stores:
        raise ConfigurationError(
            f"--stores is {stores}, and there are {before.stores}; a store leaves a cluster through PD, with its data "
            "moved away; to begin anew: down --volumes"
        )
    if before is not None and on_disk is not None and on_disk is not before.on_disk:
        option, place = ("--on-disk", "in memory") if on_disk else ("--in-memory", "on disk")
        raise ConfigurationError(f"{option}: the data is {place} already; to begin anew: down --volumes")
    if before is not None and simulated is not None and simulated is not before.simulated:
        option, nodes = ("--simulated", "real") if simulated else ("--real", "simulated")
        raise ConfigurationError(f"{option}: its nodes are {nodes}; to begin anew: down --volumes")
    if on_disk and (simulated or was.simulated):
        raise ConfigurationError("--on-disk: simulated nodes write no data; leave it out, or leave out --simulated")
    if port_offset is not None and not 0 <= port_offset <= _LAST_OFFSET:
        raise ConfigurationError(f"--port-offset is {port_offset}; 0 to {_LAST_OFFSET} is meant")
    if counted := [p for p in profiles if p.startswith(_COUNTED)]:
        raise ConfigurationError(f"--profile is {counted[0]!r}; how many stores there are says --stores")
    for file in overrides:
        if not file.is_file():
            raise ConfigurationError(f"--file is {str(file)!r}, and there is no such file")
    return LocalChoice(
        stores=stores or was.stores,
        port_offset=was.port_offset if port_offset is None else port_offset,
        profiles=tuple(sorted({*was.profiles, *profiles})),
        overrides=tuple(f.absolute() for f in overrides) or was.overrides,
        on_disk=was.on_disk if on_disk is None else on_disk,
        simulated=was.simulated if simulated is None else simulated,
    )


def deployment(name: str, choice: LocalChoice, *, answer_within: timedelta | None = None) -> LocalDeployment:
    """The deployment that is meant, up or not."""
    from datetime import timedelta
    from importlib.resources import files

    from operator_local import LocalDeployment

    environment = {_STORES: str(choice.stores)}
    if choice.port_offset is not None:
        environment[_OFFSET] = str(choice.port_offset)
    folder = Path(str(files("operator_subject_tikv")))
    over = [
        f"{kind}.yaml" for kind, is_meant in (("on-disk", choice.on_disk), ("simulated", choice.simulated)) if is_meant
    ]
    more = (f"{_COUNTED}{choice.stores}",) if choice.stores > FEWEST_STORES else ()
    return LocalDeployment(
        name=name,
        compose_files=(folder / "docker-compose.yaml", *(folder / f for f in over), *choice.overrides),
        environment=environment,
        profiles=(*more, *choice.profiles),
        answer_within=answer_within or timedelta(minutes=5),
    )


def offset_now(choice: LocalChoice) -> LocalChoice:
    """The same with the offset that the environment says, so that later commands need not be told it again.

    Raises:
        ConfigurationError: what the environment says is no number.
    """
    from dataclasses import replace

    raw = os.environ.get(_OFFSET, "")
    if choice.port_offset is not None or not raw:
        return choice
    try:
        return replace(choice, port_offset=int(raw))
    except ValueError:
        raise ConfigurationError(f"{_OFFSET} is {raw!r}; it must be a whole number") from None
