"""
Reading forms: what was entered, what is wrong with it, and both again on the page when it is shown once more.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import FormData

from app.kit.errors import AppError, FieldError


@dataclass(frozen=True, slots=True)
class Form:
    """
    What a person entered, and the complaints about it by field.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """All values of each field, for boxes that may be ticked several times."""

    def text(self, name: str) -> str:
        """
        Return one field's text without blanks around it; empty when it is missing.
        """
        return self.values.get(name, "").strip()

    def raw(self, name: str) -> str:
        """
        Return one field's text exactly as entered: for passwords.
        """
        return self.values.get(name, "")

    def several(self, name: str) -> tuple[str, ...]:
        """
        Return every value of a field.
        """
        return self.lists.get(name, ())

    def ticked(self, name: str) -> bool:
        """
        Say whether a box is ticked.
        """
        return name in self.values

    def wrong(self, errors: Iterable[tuple[str, str]]) -> "Form":
        """
        Return the same form with complaints, as pairs of field and translated sentence.
        """
        found: dict[str, tuple[str, ...]] = dict(self.errors)
        for name, sentence in errors:
            found[name] = (*found.get(name, ()), sentence)
        return Form(self.values, found, self.lists)

    def refused(
        self, error: AppError, say: Callable[[str], str], names: Mapping[str, str] | None = None
    ) -> "Form":
        """
        Return the same form with what a service complained about, field by field.

        Args:
            error: what was raised; without field errors its sentence is shown above the form.
            say: translates what the services say, as far as the catalogues have it.
            names: the form's field for each of the service's, where they differ.

        """
        if not error.errors:
            return self.wrong([("", say(error.detail))])
        known = names or {}
        return self.wrong(
            (known.get(one.field, one.field), _sentence(one, say)) for one in error.errors
        )


def read(data: FormData) -> Form:
    """
    Read the text fields of a form that was sent; uploads are asked for by name.
    """
    lists: dict[str, tuple[str, ...]] = {}
    for name, value in data.multi_items():
        if isinstance(value, str):
            lists[name] = (*lists.get(name, ()), value)
    return Form({name: values[-1] for name, values in lists.items()}, {}, lists)


def _sentence(error: FieldError, say: Callable[[str], str]) -> str:
    message, remedy = say(error.message), say(error.remedy)
    return f"{message[:1].upper()}{message[1:]}: {remedy}."
