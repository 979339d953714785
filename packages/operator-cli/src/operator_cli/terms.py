"""The subject's words as a person gives them: components, kinds, invariants, signals.

A wrong one is answered with those that are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from operator_core.components import CLUSTER, CLUSTER_KIND, ComponentRef, Kind
from operator_core.errors import ConfigurationError
from operator_core.judgements import InvariantName
from operator_core.knowledge import Knowledge
from operator_core.sight import SOURCE_KIND
from operator_core.signals import Signal

SHOWN = 8
"""So many words are listed when none is like the one that was given."""


def _one_of(given: str, words: Iterable[str], *, of: str, what: str) -> str:
    there = sorted(set(words))
    if given in there:
        return given
    near = get_close_matches(given, there, n=3, cutoff=0.6)
    listed = ", ".join(there[:SHOWN]) + (f" and {len(there) - SHOWN} more" if len(there) > SHOWN else "")
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is {listed}"
    raise ConfigurationError(f"{of} is {given!r}, which is no {what}; {hint}")


def kinds_of(known: Knowledge) -> tuple[Kind, ...]:
    """Every kind that a judgement may be about."""
    return tuple(dict.fromkeys((*(k.kind for k in known.kinds), CLUSTER_KIND, SOURCE_KIND)))


def kind_named(text: str, known: Knowledge, *, of: str) -> Kind:
    """The kind of that name.

    Raises:
        ConfigurationError: there is none; it says which are alike.
    """
    return Kind(_one_of(text, kinds_of(known), of=of, what="kind of component"))


def component_named(text: str, known: Knowledge, *, of: str) -> ComponentRef:
    """A component as people write it: ``store/4``, ``store 4``, and ``node1`` where the id says its kind.

    Raises:
        ConfigurationError: it is none, or of a kind that there is not.
    """
    plain = text.strip()
    kinds = kinds_of(known)
    if plain == CLUSTER_KIND:
        return CLUSTER
    for separator in ("/", " "):
        kind, found, ident = plain.partition(separator)
        if found and ident and (kind in kinds or separator == "/"):
            return ComponentRef(kind_named(kind, known, of=of), ident.strip())
    by_id = [kind for kind in kinds if plain.startswith(kind) and plain != kind and not set(plain) & {"/", " "}]
    if not by_id:
        example = f"{kinds[0]}/4 or '{kinds[0]} 4'"
        raise ConfigurationError(f"{of} is {text!r}, which is no component; {example} is meant")
    return ComponentRef(max(by_id, key=len), plain)


def invariant_named(text: str, known: Knowledge, *, of: str) -> InvariantName:
    """The invariant of that name.

    Raises:
        ConfigurationError: there is none; it says which are alike.
    """
    return InvariantName(_one_of(text, (i.name for i in known.invariants), of=of, what="invariant"))


def signal_named(text: str, signals: Sequence[Signal], *, of: str) -> Signal:
    """The signal of that name.

    Raises:
        ConfigurationError: there is none; it says which are alike.
    """
    name = _one_of(text, (s.name for s in signals), of=of, what="signal")
    return next(s for s in signals if s.name == name)
