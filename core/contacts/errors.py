"""What the audience refuses, each with its sentence."""

from core.common.errors import DomainError


class BadAddress(DomainError):
    """The text is no email address that mail can be sent to."""

    code = "bad_address"


class UnreadableFile(DomainError):
    """An upload from which no contacts can be read."""

    code = "unreadable_file"


class BadColumns(DomainError):
    """The columns of a file are assigned so that no contacts come of it."""

    code = "bad_columns"


class WrongImportState(DomainError):
    """The import is past, or not yet at, the step that was asked for."""

    code = "wrong_import_state"


class ImportTakenOver(DomainError):
    """Another worker went on with this import: the chunk at hand was not saved."""

    code = "import_taken_over"


class TooManySelected(DomainError):
    """More rows than one request may change. Fields: limit."""

    code = "too_many_selected"


class ContactExists(DomainError):
    """The client has a contact, or a suppression, with this address."""

    code = "contact_exists"
