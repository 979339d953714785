"""``operator deploy``: bring a cluster up and down, look at its services and logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from operator_core.errors import ConfigurationError

if TYPE_CHECKING:
    from operator_core.components import Endpoint
    from operator_core.ports import Deployment, DeploymentStatus

from operator_cli.exits import Exit
from operator_cli.options import Json
from operator_cli.running import run

app = typer.Typer(help="Run a cluster, simulated or in Docker.", no_args_is_help=True, rich_markup_mode=None)
embedded_app = typer.Typer(
    help="A simulated TiKV cluster on loopback sockets; needs nothing installed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
local_app = typer.Typer(help="A real TiKV cluster in Docker Compose.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(embedded_app, name="embedded")
app.add_typer(local_app, name="local")

DeploymentName = Annotated[str, typer.Option("--name", metavar="NAME", help="Which deployment.")]
Service = Annotated[str | None, typer.Argument(help="One service; all when left out.")]


def _say(text: str) -> None:
    typer.echo(text)


def _name(name: str) -> str:
    if not name or not all(c.isalnum() or c in "-_" for c in name) or len(name) > 40:
        raise ConfigurationError(f"--name is {name!r}; letters, digits, - and _ are meant, 40 at most")
    return name


@embedded_app.command("up")
def embedded_up(
    *,
    name: DeploymentName = "default",
    stores: Annotated[int, typer.Option(help="How many TiKV stores, 1 to 9.")] = 3,
    pd: Annotated[int, typer.Option(help="How many PD members: 1, 3 or 5.")] = 3,
    seed: Annotated[int, typer.Option(help="Seed of everything random in it.")] = 0,
    speed: Annotated[float, typer.Option(help="Cluster seconds per second.")] = 1.0,
) -> None:
    """Start a simulated cluster in the background."""
    from operator_simulator import ClusterConfig, EmbeddedDeployment

    from operator_cli.settings import load
    from operator_cli.wiring import embedded_directory

    if not 1 <= stores <= 9:
        raise ConfigurationError(f"--stores is {stores}; 1 to 9 are meant")
    if pd not in (1, 3, 5):
        raise ConfigurationError(f"--pd is {pd}; 1, 3 or 5 are meant")
    if not 0 < speed <= 100:
        raise ConfigurationError(f"--speed is {speed:g}; more than 0 and at most 100 is meant")
    deployment = EmbeddedDeployment(
        name=_name(name),
        state_directory=embedded_directory(load().settings.state_directory),
        config=ClusterConfig(stores=stores, pd=pd, seed=seed),
        speed=speed,
    )
    run(deployment.up(_say))


@local_app.command("up")
def local_up(*, name: DeploymentName = "default") -> None:
    """Start three PD, three TiKV and Prometheus in Docker Compose."""
    from operator_cli.settings import load
    from operator_cli.wiring import local, local_marks

    marks = local_marks(load().settings.state_directory)
    run(local(_name(name)).up(_say))
    marks.mkdir(parents=True, exist_ok=True)
    (marks / name).touch()


def _render(status: DeploymentStatus, endpoints: tuple[Endpoint, ...]) -> None:
    from operator_core.ports import ServiceHealth
    from rich.table import Table

    from operator_cli.render.console import console, full_time
    from operator_cli.render.lines import escaped

    colours = {ServiceHealth.RUNNING: "green", ServiceHealth.STARTING: "yellow", ServiceHealth.PAUSED: "yellow"}
    advertised = {str(e.reachable): e.advertised for e in endpoints}
    table = Table("service", "state", "component", "advertised = reachable", "since", box=None, pad_edge=False)
    for s in status.services:
        state = f"[{colours.get(s.health, 'red')}]{s.health.value}[/]" + (f" {escaped(s.detail)}" if s.detail else "")
        table.add_row(
            s.name,
            state,
            str(s.component) if s.component else "",
            ", ".join(f"{advertised[a]} = {a}" if a in advertised else a for a in s.addresses),
            full_time(s.since) if s.since else "",
        )
    console(is_table=True).print(table)


def _common(group: typer.Typer, opened: Callable[[str], Deployment], forget: Callable[[str], None]) -> None:
    @group.command("down")
    def down(*, name: DeploymentName = "default") -> None:  # pyright: ignore[reportUnusedFunction]
        """Stop it and take everything away."""
        run(opened(_name(name)).down(_say))
        forget(name)

    @group.command("status")
    def status(*, name: DeploymentName = "default", as_json: Json = False) -> None:  # pyright: ignore[reportUnusedFunction]
        """Show every service that should be there; exit code 1 when one is not running."""
        from operator_cli.render.document import document

        found = run(opened(_name(name)).status())
        if as_json:
            typer.echo(document("operator.deployment", 1, found))
        elif not found.is_up:
            typer.echo(f"deployment {name} is not up")
        else:
            _render(found, run(opened(_name(name)).endpoints()))
        if not found.is_healthy:
            raise typer.Exit(Exit.VIOLATED)

    @group.command("logs")
    def logs(  # pyright: ignore[reportUnusedFunction]
        service: Service = None,
        *,
        name: DeploymentName = "default",
        follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
        tail: Annotated[int | None, typer.Option(help="Only so many last lines.", min=0)] = None,
    ) -> None:
        """Print log lines of one service or of all."""
        from operator_cli.render.console import plain

        async def show() -> None:
            async for line in opened(_name(name)).logs(service, follow=follow, tail=tail):
                typer.echo(plain(line))

        run(show())

    @group.command("restart")
    def restart(service: Service = None, *, name: DeploymentName = "default") -> None:  # pyright: ignore[reportUnusedFunction]
        """Restart one service or all."""
        run(opened(_name(name)).restart(service, _say))


def _embedded(name: str) -> Deployment:
    from operator_cli.settings import load
    from operator_cli.wiring import embedded

    return embedded(name, load())


def _local(name: str) -> Deployment:
    from operator_cli.wiring import local

    return local(name)


def _forget_local(name: str) -> None:
    from operator_cli.settings import load
    from operator_cli.wiring import local_marks

    (local_marks(load().settings.state_directory) / name).unlink(missing_ok=True)


def _forget_embedded(name: str) -> None:
    from operator_cli.chaos_cases import forget_faults
    from operator_cli.settings import load
    from operator_cli.wiring import Embedded

    run(forget_faults(Embedded(name=name), load()))


_common(embedded_app, _embedded, _forget_embedded)
_common(local_app, _local, _forget_local)
