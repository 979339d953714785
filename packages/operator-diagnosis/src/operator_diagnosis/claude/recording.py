"""An investigation as it was held: requests, answers and what the tools gave, without secrets. It can be replayed.

Requests stand as they were sent, masked and fenced. In answers the names behind pseudonyms are put back, for a replay
has no way to know them; a recording is as confidential as the ledger that lies beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from operator_core.errors import ConfigurationError
from operator_core.redaction import redact

from operator_diagnosis.claude.json_values import Json, as_list, as_object, as_text

SCHEMA = "investigation-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What it takes to hold an investigation again without the model.

    Attributes:
        about: cluster, instant, ticket, model, effort, limits, prices, question and the rules' diagnosis.
        probes: what could be asked: name, description and parameters of each probe.
        exchanges: of each request in order: what was asked, what came back, what it took.
        tools: of each question to a probe in order: its arguments, and what it gave.
    """

    about: Json
    probes: Sequence[Json]
    exchanges: Sequence[Json]
    tools: Sequence[Json]

    def to_json(self) -> str:
        """One JSON object of the schema ``investigation-1``; all its text is ASCII."""
        members = {
            "schema": SCHEMA,
            "about": self.about,
            "probes": list(self.probes),
            "exchanges": list(self.exchanges),
            "tools": list(self.tools),
        }
        return json.dumps(members, ensure_ascii=True).replace("\x7f", "\\u007f")

    @classmethod
    def from_json(cls, text: str) -> Recording:
        """The recording that :meth:`to_json` wrote.

        Raises:
            ConfigurationError: the text is not of the schema.
        """
        try:
            read = as_object(json.loads(text))
        except (ValueError, RecursionError) as e:
            raise ConfigurationError(f"this is no recording of an investigation: {e}") from e
        if read.get("schema") != SCHEMA:
            said = as_text(read.get("schema")) or "no schema"
            raise ConfigurationError(f"this is no recording of an investigation: it says {said[:40]!r}, not {SCHEMA!r}")
        return cls(
            about=as_object(read.get("about")),
            probes=tuple(as_object(p) for p in as_list(read.get("probes"))),
            exchanges=tuple(as_object(e) for e in as_list(read.get("exchanges"))),
            tools=tuple(as_object(t) for t in as_list(read.get("tools"))),
        )

    def without(self, secrets: Sequence[str]) -> Recording:
        """The same without secrets: those that are known, and what looks like one."""
        return replace(
            self,
            about=_masked(self.about, secrets),
            probes=tuple(_masked(p, secrets) for p in self.probes),
            exchanges=tuple(_masked(e, secrets) for e in self.exchanges),
            tools=tuple(_masked(t, secrets) for t in self.tools),
        )


def _masked(value: Json, secrets: Sequence[str]) -> Json:
    masked = redact(dict(value)).value
    return as_object(_cut(masked, [s for s in secrets if s]))


def _cut(value: object, secrets: Sequence[str]) -> object:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "‹redacted:api-key›")
        return value
    if isinstance(value, Mapping):
        return {k: _cut(v, secrets) for k, v in as_object(cast("object", value)).items()}
    return [_cut(v, secrets) for v in as_list(cast("object", value))] if isinstance(value, list | tuple) else value
