"""``operator deploy local``: a real cluster in Docker Compose, with what belongs around it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from operator_core.errors import ConfigurationError, DeploymentError

from operator_cli.exits import Exit, tell
from operator_cli.options import Json
from operator_cli.running import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from operator_core.ports import DeploymentStatus
    from operator_local import LocalDeployment

    from operator_cli.local_deployments import LocalChoice

app = typer.Typer(help="A real TiKV cluster in Docker Compose.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Which deployment.")]
Service = Annotated[str | None, typer.Argument(help="One service; all when left out.")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Nothing older: 10m, 14:30, or a date and time.", show_default=False)
]
Tail = Annotated[int | None, typer.Option(help="Only so many last lines of each service.", min=0)]


def _say(text: str) -> None:
    from operator_cli.render.console import plain

    typer.echo(plain(text))


def _say_aside(text: str) -> None:
    from operator_cli.render.console import plain

    typer.echo(plain(text), err=True)


def _state() -> Path:
    from operator_cli.settings import load

    return load().settings.state_directory


def _opened(name: str) -> LocalDeployment:
    from operator_cli.local_deployments import LocalChoice, deployment, remembered

    return deployment(_named(name), remembered(_state(), name) or LocalChoice())


def _named(name: str) -> str:
    if not name or not all((c.islower() and c.isascii()) or c.isdecimal() or c in "-_" for c in name) or len(name) > 40:
        raise ConfigurationError(f"--name is {name!r}; lower-case letters, digits, - and _ are meant, 40 at most")
    return name


@app.command("up")
def up(
    *,
    name: Name = "default",
    stores: Annotated[
        int | None, typer.Option(help="How many TiKV stores, 3 to 9; 3, or as many as are up.", show_default=False)
    ] = None,
    port_offset: Annotated[
        int | None, typer.Option(help="Added to every port, so that a second one finds room.", show_default=False)
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Also this part: load, operator; may be given several times."),
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="A compose file over Operator's own; several times, too.")
    ] = None,
    on_disk: Annotated[
        bool | None,
        typer.Option(
            "--on-disk/--in-memory",
            help="Where the data is: on disk it lasts and can be slow; in memory it can be full.  [default: in memory]",
            show_default=False,
        ),
    ] = None,
    simulated: Annotated[
        bool | None,
        typer.Option(
            "--simulated/--real",
            help="Simulated nodes, of images made of Debian packages: for where no registry is.  [default: real]",
            show_default=False,
        ),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until every service answers.")] = True,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long to wait.")] = "5m",
    as_json: Json = False,
) -> None:
    """Start PD, TiKV, Prometheus and Grafana; what is up already is left alone."""
    from datetime import timedelta

    from operator_cli.durations import parse_duration
    from operator_cli.local_deployments import chosen, deployment, offset_now, remember, remembered

    state = _state()
    before = remembered(state, _named(name))
    within = parse_duration(timeout, of="--timeout", least=timedelta(seconds=5), most=timedelta(hours=1))
    choice = offset_now(
        chosen(
            before,
            stores=stores,
            port_offset=port_offset,
            profiles=profile or (),
            overrides=file or (),
            on_disk=on_disk,
            simulated=simulated,
        )
    )
    meant = deployment(name, choice, answer_within=within)
    remember(state, name, choice)
    found = run(_up(meant, name, before, say=_say_aside if as_json else _say, wait=wait))
    if as_json:
        typer.echo(_document(found))
    else:
        how = "" if name == "default" else f" --name {name}"
        _say(f"deployment {name} is {'up' if wait else 'coming up'}: operator deploy local status{how}")


async def _up(
    meant: LocalDeployment, name: str, before: LocalChoice | None, *, say: Callable[[str], None], wait: bool
) -> DeploymentStatus:
    """Bring it up; where nothing came of it, it is not remembered as one that is up."""
    try:
        await meant.up(say, wait=wait)
        return await meant.status()
    except (DeploymentError, ConfigurationError):
        try:
            came = (await meant.status()).is_up
        except (DeploymentError, ConfigurationError):
            came = before is not None
        _remember_failed(name, before, came=came)
        raise


def _remember_failed(name: str, before: LocalChoice | None, *, came: bool) -> None:
    from operator_cli.local_deployments import forget, remember

    if before is not None:
        remember(_state(), name, before)
    if not came:
        forget(_state(), name, data_stays=before is not None and before.on_disk)


def _document(found: DeploymentStatus) -> str:
    from operator_cli.render.document import document

    payload = {
        "name": found.name,
        "is_up": found.is_up,
        "is_healthy": found.is_healthy,
        "services": found.services,
    }
    return document("operator.deployment", 1, payload)


@app.command("down")
def down(
    *,
    name: Name = "default",
    volumes: Annotated[bool, typer.Option("--volumes", help="Also remove what is on disk.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop it and take its containers away. Data in memory ends with them; what is on disk stays."""
    from operator_cli.chaos_cases import forget_faults
    from operator_cli.local_deployments import forget, remembered
    from operator_cli.settings import load
    from operator_cli.wiring import Local

    meant = _opened(name)
    if volumes and not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError("--volumes removes what is on disk, and there is nobody to ask; say --yes")
        if not typer.confirm(
            f"Remove also what deployment {name} has on disk: series, settings, record, data?", err=True
        ):
            tell("nothing was changed")
            raise typer.Exit(Exit.USAGE)
    run(meant.down(_say, volumes=volumes))
    run(forget_faults(Local(name=name), load()))
    was = remembered(_state(), name)
    forget(_state(), name, data_stays=was is not None and was.on_disk and not volumes)
    _say(f"deployment {name} is down")


@app.command("status")
def status(*, name: Name = "default", as_json: Json = False) -> None:
    """Show every service that should be there; exit code 1 when one is not running."""
    from operator_core.runtime import RealClock

    from operator_cli.render.deployment import show_status

    found = run(_opened(name).status())
    if as_json:
        typer.echo(_document(found))
    elif not found.is_up:
        typer.echo(f"deployment {name} is not up")
    else:
        show_status(found, now=RealClock().now())
    if not found.is_healthy:
        raise typer.Exit(Exit.VIOLATED)


@app.command("logs")
def logs(
    service: Service = None,
    *,
    name: Name = "default",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Tail = None,
    since: Since = None,
) -> None:
    """Print log lines of one service or of all."""
    from operator_core.runtime import RealClock

    from operator_cli.moments import parse_past
    from operator_cli.render.console import plain

    after = None if since is None else parse_past(since, of="--since", now=RealClock().now())
    meant = _opened(name)

    async def show() -> None:
        async for line in meant.logs(service, follow=follow, tail=tail, since=after):
            typer.echo(plain(line))

    run(show())


@app.command("restart")
def restart(service: Service = None, *, name: Name = "default") -> None:
    """Restart one service or all, and wait until they answer; data stays."""
    run(_opened(name).restart(service, _say))


@app.command("endpoints")
def endpoints(*, name: Name = "default", as_json: Json = False) -> None:
    """Show the address that each door advertises, and where it is reached from here; needs no Docker daemon."""
    from operator_cli.render.deployment import show_doors
    from operator_cli.render.document import document

    doors = run(_opened(name).doors())
    if as_json:
        typer.echo(document("operator.endpoints", 1, doors))
    else:
        show_doors((d.service, str(d.component or ""), d.purpose, d.advertised, d.reachable) for d in doors)


@app.command("export-logs")
def export_logs(
    to: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A new .tar.gz; named after deployment and time if left out.")
    ] = None,
    *,
    name: Name = "default",
    tail: Tail = None,
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Write logs, PD's answers, metrics, the compose file and versions into one archive, secrets masked."""
    from operator_core.runtime import RealClock

    from operator_cli.moments import parse_past
    from operator_cli.render.document import document
    from operator_cli.sizes import shown_size

    now = RealClock().now()
    after = None if since is None else parse_past(since, of="--since", now=now)
    target = (to or Path(f"operator-{_named(name)}-{now:%Y%m%dT%H%M%SZ}.tar.gz")).absolute()
    made = run(_opened(name).export(target, _say_aside, since=after, tail=tail))
    if as_json:
        typer.echo(document("operator.export", 1, made))
        return
    _say(f"{made.archive}: {len(made.files)} files, {shown_size(made.size_bytes)}")
    if made.masked:
        _say("masked: " + ", ".join(f"{count} {kind}" for kind, count in sorted(made.masked.items())))
    for what, why in sorted(made.unseen.items()):
        _say(f"not in it: {what}: {why}")
