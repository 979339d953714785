"""``operator diagnose``: reason about a ticket, or about what is happening now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from operator_core.errors import ConfigurationError

from operator_cli import options
from operator_cli.reasoners import Reasoner
from operator_cli.running import run

if TYPE_CHECKING:
    from operator_core.diagnosis import Diagnosis
    from operator_core.judgements import Judgement

    from operator_cli.settings import Loaded
    from operator_cli.use_cases.reasoning import Reasoned
    from operator_cli.wiring import Choice


def diagnose(
    ticket: Annotated[
        int | None,
        typer.Argument(
            help="A ticket's number; what is happening now when left out.",
            metavar="TICKET",
            parser=options.ticket_number,
        ),
    ] = None,
    *,
    subject: options.Subject = "tikv",
    pd: options.Pd = None,
    prometheus: options.Prometheus = None,
    cluster: options.Cluster = None,
    name: options.Name = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As it was then, from the record: 5m ago, 14:30.")
    ] = None,
    reasoner: Annotated[
        Reasoner | None, typer.Option("--with", help="Who reasons.  [default: the setting claude.with, else rules]")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask Claude anew about a ticket that it was paid for already.")
    ] = False,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Print exactly what would be sent to Claude, and send nothing.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Keep all that was sent and received in a new file.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Hold a recorded investigation of TICKET again.")
    ] = None,
    ledger: options.Ledger = None,
    as_json: options.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a chat or a document.")] = False,
) -> None:
    """Reason: what is happening, why, what to do.

    Of a ticket, of what is happening now, or of what was happening at an instant in the record.
    Every claim cites readings and was re-checked by code against the record.
    """
    from operator_cli.exits import Exit
    from operator_cli.settings import load
    from operator_cli.use_cases.recordings import check_new, keep
    from operator_cli.wiring import Choice

    if as_json and markdown:
        raise ConfigurationError("--json and --markdown are two forms of the same; one of them is enough")
    if ticket is not None and (pd or cluster or name or prometheus):
        raise ConfigurationError(f"ticket {ticket} already says which cluster; leave the address options out")
    _check(at=at, reasoner=reasoner, show_prompt=show_prompt, record=record, replay=replay, ticket=ticket)
    loaded = load()
    choice = Choice(subject=subject, pd=tuple(pd or ()), prometheus=prometheus, cluster=cluster, name=name)
    if show_prompt:
        typer.echo(_prompt(loaded, ledger, ticket, choice))
        return
    if replay is not None and ticket is not None:
        _show(_replayed(loaded, ledger, ticket, replay), as_json=as_json, markdown=markdown)
        return
    by = reasoner or (Reasoner.RULES if at is not None else loaded.settings.claude.reasoner)
    check_new(record)
    if by.asks_a_model:
        made = _with_model(loaded, ledger, ticket, choice, by, again=again)
    else:
        made = _with_rules(loaded, ledger, ticket, choice, at=at)
    if made.first is None:
        _nothing(made.judgements, as_json=as_json, was=at is not None)
        return
    if as_json and made.claude is not None and made.rules is not None:
        _show_both_as_json(made.claude, made.rules)
    else:
        _show(made.first, as_json=as_json, markdown=markdown)
        if made.claude is not None and made.rules is not None:
            _show_beside(made.claude, made.rules)
    if record is not None:
        keep(made.recording, record)
    if by is Reasoner.CLAUDE and not made.is_whole:
        raise typer.Exit(Exit.FAILED)


def _check(
    *,
    at: str | None,
    reasoner: Reasoner | None,
    show_prompt: bool,
    record: Path | None,
    replay: Path | None,
    ticket: int | None,
) -> None:
    """Refuse options that do not go together.

    Raises:
        ConfigurationError: some do not.
    """
    if at is not None and (show_prompt or record or replay or (reasoner is not None and reasoner.asks_a_model)):
        raise ConfigurationError("--at is for the rules alone: leave --with, --show-prompt, --record and --replay out")
    if replay is not None and ticket is None:
        raise ConfigurationError("--replay needs the TICKET that was investigated")
    if replay is not None and (show_prompt or record or reasoner is not None):
        raise ConfigurationError("--replay asks nobody; leave --with, --show-prompt and --record out")


def _prompt(loaded: Loaded, ledger: str | None, ticket: int | None, choice: Choice) -> str:
    from operator_cli.use_cases.reasoning import prompt_of_now, prompt_of_ticket
    from operator_cli.wiring import knowledge, on_ledger, resolve

    if ticket is not None:
        return run(on_ledger(loaded, ledger, lambda opened: prompt_of_ticket(opened, loaded, ticket, knowledge())))
    meant = resolve(choice, loaded)
    text = run(on_ledger(loaded, ledger, lambda opened: prompt_of_now(opened, loaded, meant)))
    return "nothing is violated, so nothing would be sent" if text is None else text


def _replayed(loaded: Loaded, ledger: str | None, ticket: int, file: Path) -> Diagnosis:
    from operator_cli.use_cases.reasoning import replay_ticket
    from operator_cli.use_cases.recordings import read
    from operator_cli.wiring import knowledge, on_ledger

    recording = read(file)
    return run(on_ledger(loaded, ledger, lambda opened: replay_ticket(opened, ticket, knowledge(), recording)))


def _with_model(
    loaded: Loaded, ledger: str | None, ticket: int | None, choice: Choice, by: Reasoner, *, again: bool
) -> Reasoned:
    from operator_cli.render.progress import progress
    from operator_cli.use_cases.reasoning import Wish, reason_about_now, reason_about_ticket
    from operator_cli.wiring import knowledge, on_ledger, resolve

    wish = Wish(reasoner=by, again=again)
    if ticket is not None:
        return run(
            on_ledger(
                loaded,
                ledger,
                lambda opened: reason_about_ticket(opened, loaded, ticket, knowledge(), wish, told=progress),
            )
        )
    meant = resolve(choice, loaded)
    return run(
        on_ledger(
            loaded,
            ledger,
            lambda opened: reason_about_now(opened, loaded, meant, wish, told=progress),
            may_begin=True,
        )
    )


def _with_rules(loaded: Loaded, ledger: str | None, ticket: int | None, choice: Choice, *, at: str | None) -> Reasoned:
    from operator_cli.use_cases.diagnosing import diagnose_now, diagnose_then, diagnose_ticket
    from operator_cli.use_cases.reasoning import Reasoned
    from operator_cli.wiring import knowledge, on_record, recorded_name, resolve

    if ticket is not None:
        made = run(on_record(loaded, ledger, lambda record: diagnose_ticket(record, ticket, knowledge(), at=at)))
        return Reasoned(rules=made)
    if at is not None:
        whose = recorded_name(choice, loaded)
        then = run(on_record(loaded, ledger, lambda record: diagnose_then(record, whose, at, knowledge())))
    else:
        then = run(diagnose_now(resolve(choice, loaded)))
    return Reasoned(rules=then.diagnosis, judgements=then.judgements)


def _nothing(judgements: tuple[Judgement, ...], *, as_json: bool, was: bool) -> None:
    from operator_cli.render.console import console
    from operator_cli.render.document import document
    from operator_cli.render.lines import summary

    if as_json:
        typer.echo(document("operator.nothing-to-diagnose", 1, {"judgements": judgements}))
    else:
        verb = "was" if was else "is"
        console().print(f"nothing {verb} violated, so there is nothing to diagnose: {summary(judgements)}")


def _show(made: Diagnosis, *, as_json: bool, markdown: bool) -> None:
    from operator_diagnosis.markdown import render_markdown
    from operator_diagnosis.terminal import render_terminal
    from operator_diagnosis.wire import to_json

    from operator_cli.render.console import console, local_zone

    if as_json:
        typer.echo(to_json(made))
    elif markdown:
        typer.echo(render_markdown(made, zone=local_zone()))
    else:
        console().print(render_terminal(made, zone=local_zone()))


def _show_both_as_json(claude: Diagnosis, rules: Diagnosis) -> None:
    import json

    from operator_diagnosis.wire import to_json

    from operator_cli.render.document import document
    from operator_cli.render.opinions import agree

    both = {"claude": json.loads(to_json(claude)), "rules": json.loads(to_json(rules)), "agree": agree(claude, rules)}
    typer.echo(document("operator.diagnoses", 1, both))


def _show_beside(claude: Diagnosis, rules: Diagnosis) -> None:
    from operator_cli.render.console import plain
    from operator_cli.render.opinions import beside

    typer.echo()
    for line in beside(claude, rules):
        typer.echo(plain(line))
