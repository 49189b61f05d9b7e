"""The one base of errors that a person is meant to read."""

from typing import Any


class DomainError(Exception):
    """Something the product refuses, in a sentence for the person who asked.

    `str(error)` is that sentence: what happened, to what, and what to do. `code` is stable and meant for
    programs, `fields` carries the figures behind the sentence.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = fields
