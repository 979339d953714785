"""Settings: one TOML file, then ``OPERATOR_…`` variables, then options; the later wins.

Read once, here; each part of the program gets only its slice.
"""

from __future__ import annotations

import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from operator_core.components import ComponentRef
from operator_core.errors import ConfigurationError
from platformdirs import user_config_path, user_state_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from operator_cli.claude_settings import NO_KEY, ClaudeSettings, from_environment
from operator_cli.places import Place, place_of, without_secrets

FILE_VARIABLE = "OPERATOR_CONFIG"


class _Slice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsFiles(_Slice):
    """Names of PEM files for mutual TLS."""

    ca: Path
    certificate: Path
    key: Path


class ClusterSettings(_Slice):
    """A cluster that somebody else runs; only its addresses are known.

    Attributes:
        addresses: from the address that the cluster advertises to the one that can be reached from here.
        logs: where components' logs lie on this machine, by component (``store/4``); a pattern names rotated ones.
        expendable: chaos may break it.
    """

    subject: str = "tikv"
    pd: tuple[str, ...] = Field(min_length=1)
    prometheus: str | None = None
    addresses: dict[str, str] = Field(default_factory=dict)
    logs: dict[str, str] = Field(default_factory=dict)
    tls: TlsFiles | None = None
    expendable: bool = False

    @field_validator("subject")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SUBJECTS:
            raise ValueError(f"unknown subject {value!r}; there is {', '.join(SUBJECTS)}")
        return value

    @field_validator("logs")
    @classmethod
    def _of_components(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            ComponentRef.parse(name)
        return value

    @property
    def log_files(self) -> Mapping[ComponentRef, str]:
        """Where logs lie, by component."""
        return {ComponentRef.parse(name): file for name, file in self.logs.items()}


SUBJECTS = ("tikv",)
"""The subjects that this program can watch."""


def login_name() -> str:
    """Who is logged in, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers; a KeyError before Python 3.13
        return f"uid {os.getuid()}"


class Settings(BaseSettings):
    """Everything that can be set.

    Attributes:
        state_directory: where the ledger, the fault journal and the embedded deployments' state are kept.
        interval: between two looks of the monitor, as a duration.
        ledger: a file or the URL of a database; a file in the state directory when left out.
        user: who signs what a person does to tickets and silences.
        claude: whether and how a model reasons.
    """

    model_config = SettingsConfigDict(
        env_prefix="OPERATOR_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    state_directory: Path = Field(default_factory=lambda: user_state_path("operator"))
    interval: str = "5s"
    ledger: SecretStr | None = None
    user: str = Field(default_factory=login_name)
    clusters: dict[str, ClusterSettings] = Field(default_factory=dict)
    claude: ClaudeSettings = Field(default_factory=ClaudeSettings)

    @field_validator("state_directory")
    @classmethod
    def _whole(cls, value: Path) -> Path:
        try:
            return value.expanduser().absolute()
        except RuntimeError as e:
            raise ValueError(f"whose home is meant is not known: {e}") from e

    @field_validator("ledger")
    @classmethod
    def _somewhere(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                place_of(value.get_secret_value(), of="it")
            except ConfigurationError as e:
                raise ValueError(str(e).partition("; ")[2]) from e
        return value

    @property
    def ledger_place(self) -> Place:
        """Where the record is kept."""
        if self.ledger is None:
            return Place(str(self.state_directory / "ledger.db"))
        return place_of(self.ledger.get_secret_value(), of="ledger")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables before what the file says (which comes in as arguments)."""
        del settings_cls
        return (env_settings, init_settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One value, and where it came from."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings with their file and the origin of each value."""

    settings: Settings
    path: Path
    origins: tuple[Origin, ...]


def settings_path() -> Path:
    """The settings file: the one that OPERATOR_CONFIG names, else the platform's place for it."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else user_config_path("operator") / "operator.toml"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if os.environ.get(FILE_VARIABLE):
            raise ConfigurationError(f"settings file {path} (named by {FILE_VARIABLE}) does not exist") from None
        return {}
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigurationError(f"settings file {path} cannot be read: {e}") from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigurationError(f"settings file {path} is not TOML: {e}") from e


def _flat(prefix: str, value: object) -> dict[str, str]:
    if isinstance(value, Mapping):
        found: dict[str, str] = {}
        inner: Mapping[str, object] = value  # pyright: ignore[reportUnknownVariableType]
        for key, each in inner.items():
            found.update(_flat(f"{prefix}.{key}" if prefix else key, each))
        return found
    if isinstance(value, list | tuple):
        items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return {prefix: ", ".join(without_secrets(str(v)) for v in items)}
    return {prefix: without_secrets(str(value.value if isinstance(value, Enum) else value))}


def _complaint(path: Path, error: ValidationError, from_environment: Mapping[str, str]) -> ConfigurationError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    source = (
        f"variable OPERATOR_{key.upper().replace('.', '__')}"
        if key in from_environment
        else f"settings file {path}, {key}"
    )
    if first["type"] == "extra_forbidden":
        return ConfigurationError(f"{source}: unknown key")
    if key == "claude.api_key":  # nothing of what was given is repeated
        return ConfigurationError(f"{source} cannot be used; {NO_KEY}")
    is_untold = first["type"] == "missing" or key == "claude"
    given = "" if is_untold else f" (given: {without_secrets(repr(first['input']))})"
    return ConfigurationError(f"{source}: {first['msg'].removeprefix('Value error, ')}{given}")


def _variables(error: SettingsError) -> frozenset[str]:
    """The variables, in lower case, of the fields that an error's text names."""
    return frozenset(f"operator_{field}" for field in Settings.model_fields if f'"{field}"' in str(error))


def load() -> Loaded:
    """Read the file and the environment.

    Raises:
        ConfigurationError: the file is unreadable, or a key or a value is wrong; it names both.
    """
    path = settings_path()
    from_file = _read(path)
    try:
        environment = _flat("", EnvSettingsSource(Settings)())
    except SettingsError as e:
        name = next((v for v in os.environ if v.startswith("OPERATOR_") and v.lower() in _variables(e)), "OPERATOR_…")
        given = "" if name == "OPERATOR_CLAUDE" else f" is {os.environ.get(name)!r}, which"  # a key may be in it
        raise ConfigurationError(f"variable {name}{given} is not the JSON meant") from e
    try:
        settings = Settings(**from_file)
    except ValidationError as e:
        raise _complaint(path, e, environment) from e
    in_file = _flat("", from_file)
    values = _flat("", settings.model_dump(exclude_none=True, by_alias=True)) | {"ledger": str(settings.ledger_place)}
    elsewhere = from_environment(settings.claude)
    values |= {key: without_secrets(value) for key, (value, _) in elsewhere.items()}
    origins = tuple(
        Origin(
            key=key,
            value=value,
            source=elsewhere[key][1]
            if key in elsewhere
            else "environment"
            if key in environment
            else str(path)
            if key in in_file
            else "default",
        )
        for key, value in sorted(values.items())
    )
    return Loaded(settings=settings, path=path, origins=origins)
