"""
The one frozen `Settings`, and the only reader of the environment.

Unknown or unsafe settings stop the start: a mistyped variable that is silently ignored is a setting
somebody believes in.
"""

import base64
import binascii
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "ASSAYLINE_"
SECRET_KEY_BYTES: Final = 32

Process = Literal["all", "api", "worker", "migrate", "client"]
"""
What a process is for: in production each holds only the logins it needs.
"""

_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "all": ("secret_key", "database_url", "worker_database_url", "redis_url"),
    "api": ("secret_key", "database_url", "redis_url"),
    "worker": ("secret_key", "worker_database_url", "redis_url"),
    "migrate": ("owner_database_url",),
    "client": (),
}


class SettingsError(Exception):
    """
    The settings are unknown, unsafe or incomplete; the message names the variable.
    """


def _loopback_by_default(data: dict[str, Any]) -> bool:
    return data.get("profile") == "development"


class Settings(BaseSettings):
    """
    Everything that may differ between two installations.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    profile: Literal["development", "production"] = "development"

    # A URL holds a password: none of them shows in a repr, hence in no log and no traceback.
    database_url: str | None = Field(default=None, repr=False, min_length=1)
    """
    The API's login, `assayline_app`.
    """
    worker_database_url: str | None = Field(default=None, repr=False, min_length=1)
    """
    The worker's login, `assayline_worker`.
    """
    owner_database_url: str | None = Field(default=None, repr=False, min_length=1)
    """
    The migrations' login, `assayline_owner`; no serving process should hold it.
    """
    redis_url: str | None = Field(default=None, repr=False, min_length=1)
    """
    The doorbell; `none` says on purpose that there is none, and the sweep works alone.
    """

    data_dir: Path = Path(".assayline")
    secret_key: SecretStr | None = None
    """
    32 bytes in base64: MACs the cursors and encrypts the webhook secrets at rest.
    """

    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65_535)

    metrics_port: int | None = Field(default=None, ge=1, le=65_534)
    """
    Where a worker tells its figures, on `host`; its doorbell's process at the next port.

    The API tells its own at /metrics.
    """

    pool_size: int = Field(default=5, ge=1)
    pool_overflow: int = Field(default=5, ge=0)
    pool_timeout_s: float = Field(default=5, gt=0)
    database_pooler: bool = False
    """
    True behind PgBouncer in transaction mode: no prepared statement outlives a transaction.
    """

    time_zone: str = "UTC"
    """
    In which the pages write times, such as `Europe/Paris`; stored are instants.
    """
    session_idle_s: int = Field(default=1800, ge=60, le=43_200)
    """
    How long a person stays signed in without doing anything.
    """
    oidc_issuer: str | None = Field(default=None, min_length=1)
    """
    The organization's own sign-in (OpenID Connect); all three or none. Its address, as it names itself.
    """
    oidc_client_id: str | None = Field(default=None, min_length=1)
    oidc_client_secret: SecretStr | None = Field(default=None, min_length=1)

    sweep_interval_s: float = Field(default=2.0, gt=0)
    claim_lease_s: int = Field(default=3600, ge=1)
    """
    How long a technician's claim holds without a heartbeat.
    """
    delivery_lease_s: int = Field(default=60, ge=1)
    delivery_deadline_s: float = Field(default=20, gt=0)
    doorbell_timeout_s: float = Field(default=0.1, gt=0)

    allow_loopback_webhooks: bool = Field(default_factory=_loopback_by_default)
    """
    Lets the demo listen on this machine; in production it would be a hole into it.
    """
    max_body_bytes: int = Field(default=262_144, ge=1024)
    api_key: SecretStr | None = Field(default=None, min_length=1)
    """
    What the command line presents to the service; no serving process reads it.
    """
    listen_secret: SecretStr | None = Field(default=None, min_length=1)
    """
    What `assayline listen` signs with on its way to a local address; no serving process reads it.
    """
    reviewers_apart: bool = False
    """
    Whether the administrative review must be made by somebody else than the technical one.
    """
    certificates: Path | None = None
    """
    A folder of certificate templates that counsel approved; they win over those shipped.
    """
    clocks: Path | None = None
    """
    What is promised by when, per step and band, and the laboratory's calendar; by default the file shipped.
    """
    practice_clock: bool = False
    """
    Lets a practice run say what time it is; never where real seizures are.
    """

    @field_validator("redis_url", mode="before")
    @classmethod
    def _none_is_said(cls, value: object) -> object:
        return None if value == "none" else value

    @field_validator("secret_key")
    @classmethod
    def _key_has_its_length(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _decode_key(value.get_secret_value())
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("time_zone must be a name such as Europe/Paris") from error
        return value

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        parts = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)
        if any(parts) and not all(parts):
            raise ValueError("oidc_issuer, oidc_client_id and oidc_client_secret go together")
        return self

    @model_validator(mode="after")
    def _leases_outlive_deadlines(self) -> Self:
        if self.delivery_lease_s <= self.delivery_deadline_s:
            # Otherwise a second worker would start while the first is still entitled to finish.
            raise ValueError("delivery_lease_s must be longer than delivery_deadline_s")
        return self

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.profile != "production":
            return self
        if self.allow_loopback_webhooks:
            raise ValueError("allow_loopback_webhooks is for development only")
        if self.practice_clock:
            raise ValueError("practice_clock is for practice data only")
        for name in ("database_url", "worker_database_url", "owner_database_url"):
            url = getattr(self, name)
            if url is not None and urlsplit(url).username in {None, "postgres"}:
                raise ValueError(f"{name} must name its own login, never a superuser")
        serving = {self.database_url, self.worker_database_url} - {None}
        if self.owner_database_url in serving:
            raise ValueError("owner_database_url must not serve: row-level security spares owners")
        return self

    def secret_key_bytes(self) -> bytes:
        """
        The 32 bytes of `secret_key`.

        Raises:
            SettingsError: If none is set.
        """
        if self.secret_key is None:
            raise SettingsError(f"{PREFIX}SECRET_KEY is not set")
        return _decode_key(self.secret_key.get_secret_value())

    def missing(self, process: Process) -> tuple[str, ...]:
        """
        The variables a production process of this kind needs and does not have.
        """
        return tuple(
            f"{PREFIX}{name.upper()}"
            for name in _NEEDED[process]
            # "none" for the doorbell is an answer; saying nothing is not.
            if getattr(self, name) is None
            and not (name == "redis_url" and name in self.model_fields_set)
        )


def _decode_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("secret_key must be base64") from error
    if len(key) != SECRET_KEY_BYTES:
        raise ValueError(f"secret_key must be {SECRET_KEY_BYTES} bytes in base64")
    if len(set(key)) == 1:
        raise ValueError("secret_key must be random")
    return key


def _refuse_unknown() -> None:
    # pydantic-settings looks up the names it knows and never sees the others.
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    strange = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if strange:
        raise SettingsError(f"unknown setting: {', '.join(strange)}")


def load(process: Process = "all", /, **overrides: Any) -> Settings:
    """
    Read the settings for a process of this kind; `overrides` win over the environment.

    Raises:
        SettingsError: If a variable is unknown, unsafe, malformed, or missing in production.
    """
    _refuse_unknown()
    try:
        settings = Settings(**overrides)
    except ValueError as error:
        raise SettingsError(_without_values(error)) from None
    if settings.profile == "production" and (missing := settings.missing(process)):
        raise SettingsError(f"production needs {', '.join(missing)}")
    return settings


def for_child(
    chosen: Settings, /, *, without: Collection[str] = (), also: Mapping[str, str] | None = None
) -> dict[str, str]:
    """
    The environment in which a child process reads these very settings, and nothing else of ours.

    Args:
        chosen: What was set on purpose is handed down; a default stays a default.
        without: Names of settings that this kind of process has no business to hold.
        also: Further variables, which win.
    """
    theirs = {
        name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)
    }
    ours = {
        f"{PREFIX}{name.upper()}": _as_text(getattr(chosen, name))
        for name in chosen.model_fields_set - {"api_key", "listen_secret", *without}
        # Only for the doorbell does "none" say something that silence does not.
        if getattr(chosen, name) is not None or name == "redis_url"
    }
    return theirs | ours | dict(also or {})


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "none" if value is None else str(value)


def _without_values(error: ValueError) -> str:
    # Pydantic repeats the refused input, which may be a secret; say what and why only.
    details = getattr(error, "errors", None)
    if details is None:
        return str(error)
    return "; ".join(
        f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}" if item["loc"] else item["msg"]
        for item in details(include_input=False, include_url=False)
        # A default that waits for other fields reports their errors once more as its own.
        if item["type"] != "default_factory_not_called"
    ).replace("Value error, ", "")
