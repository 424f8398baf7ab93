"""
Errors a caller may see.

    AppError
    ├── NotFound          404  not there, or not yours: the two answer alike
    ├── Forbidden         403
    ├── Unauthenticated   401
    ├── Conflict          409  the state has moved on, or a double
    ├── Stale             412  the ETag sent is not the present one
    ├── PreconditionRequired 428
    ├── Invalid           422  the shape is right, the content is not
    └── Unavailable       503  try again: nothing was lost
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """
    One field that is wrong, and what to do about it.
    """

    field: str
    message: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """
        Return the three parts by name.
        """
        return {"field": self.field, "message": self.message, "remedy": self.remedy}


class AppError(Exception):
    """
    Something the caller can understand and act upon.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """
        Say what happened; without ``detail`` the class's docstring is the sentence the caller reads.
        """
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class NotFound(AppError):
    """
    There is no such thing here.
    """

    status = 404
    code = "not-found"
    title = "Not found"


class Unauthenticated(AppError):
    """
    Send a valid API key as "Authorization: Bearer <key>".
    """

    status = 401
    code = "unauthenticated"
    title = "No valid API key"

    def __init__(self, detail: str | None = None) -> None:
        """
        Ask for a bearer token, as RFC 6750 wants it.
        """
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="assayline"'})


class Forbidden(AppError):
    """
    The role of this API key does not allow this.
    """

    status = 403
    code = "forbidden"
    title = "Not allowed"


class Conflict(AppError):
    """
    The state has moved on: read it again.
    """

    status = 409
    code = "conflict"
    title = "Conflict"


class Stale(AppError):
    """
    The If-Match value is not the present ETag: somebody else has changed this. Read it again.
    """

    status = 412
    code = "stale"
    title = "Precondition failed"


class PreconditionRequired(AppError):
    """
    Send If-Match with the ETag you were given.
    """

    status = 428
    code = "precondition-required"
    title = "If-Match is required"


class Invalid(AppError):
    """
    The content cannot be accepted.
    """

    status = 422
    code = "invalid"
    title = "Invalid content"


class Unavailable(AppError):
    """
    The service cannot do this now. Nothing was lost: send the same request again.
    """

    status = 503
    code = "unavailable"
    title = "Try again"

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 2) -> None:
        """
        Say when to come back, in seconds.
        """
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)})
