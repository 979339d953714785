"""What the subject knows about itself, as text for the model: signals, ways to fail, options. The same every time."""

from __future__ import annotations

from collections.abc import Iterator

from operator_core.knowledge import FailureMode, Knowledge, OptionTemplate, Sign, SignName

from operator_diagnosis.prose import sentence


def catalogue(knowledge: Knowledge) -> str:
    """The knowledge in sections, in its own order; it depends on nothing but the knowledge."""
    return "\n".join(_lines(knowledge)) + "\n"


def _lines(knowledge: Knowledge) -> Iterator[str]:
    yield f"Catalogue {knowledge.version}"
    yield "\nKinds of components"
    for kind in knowledge.kinds:
        roles = f" (roles: {', '.join(kind.roles)})" if kind.roles else ""
        yield f"- {kind.kind}: {kind.title}{roles}"
    yield "\nSignals"
    for signal in knowledge.signals:
        window = f", over {signal.window.total_seconds():g} s" if signal.window else ""
        toward = " toward another component" if signal.toward else ""
        measured = f"[{signal.unit}] of a {signal.about}{toward}, {signal.kind.value}{window}"
        yield f"- {signal.name} {measured}. {signal.describes}"
    yield "\nInvariants"
    for invariant in knowledge.invariants:
        yield f"- {invariant.name}. {invariant.title}"
    signs = {s.name: s for s in knowledge.signs}
    yield "\nWays to fail; {it} stands for the component"
    for mode in knowledge.modes:
        yield from _mode(mode, signs)
    yield "\nmode unknown. None of these; its options"
    for option in knowledge.unknown:
        yield _option(option)


def _mode(mode: FailureMode, signs: dict[SignName, Sign]) -> Iterator[str]:
    yield f"\nmode {mode.name} of a {mode.about} ({mode.scope.value}). {mode.title}"
    yield f"  {sentence(mode.summary)} {mode.mechanism}"
    for expectation in mode.expects:
        sign = signs.get(expectation.sign)
        if sign is not None:
            chances = f"seen with a chance of {expectation.probability:g}, without it of {sign.base_rate:g}"
            yield f"  sign {sign.name}, {chances}. {sign.says}"
    for other, apart in mode.tells_apart.items():
        yield f"  unlike {other}. {apart}"
    for option in mode.options:
        yield _option(option)
    for warning in mode.dont:
        yield f"  warning. {warning}"


def _option(option: OptionTemplate) -> str:
    changes = "" if option.is_action else ", changes nothing"
    told = " ".join(sentence(part) for part in (option.does, option.gains, option.costs) if part)
    return f"  option {option.name} (risk {option.risk.value}{changes}). {told}"
