"""What the audience refuses, each with its sentence."""

from dataclasses import dataclass

from core.common.errors import DomainError


class BadAddress(DomainError):
    """The text is no email address that mail can be sent to."""

    code = "bad_address"


class BadValue(DomainError):
    """What was typed is no value of this custom field."""

    code = "bad_value"


class UnreadableFile(DomainError):
    """An upload from which no contacts can be read."""

    code = "unreadable_file"


class BadColumns(DomainError):
    """The columns of a file are assigned so that no contacts come of it."""

    code = "bad_columns"


class BadChoice(DomainError):
    """A choice for an import is missing, or cannot be used."""

    code = "bad_choice"


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


class BadTag(DomainError):
    """A text that cannot be a tag."""

    code = "bad_tag"


class BadField(DomainError):
    """A custom field that cannot be made, or changed in this way. Fields: field, the form's field it is about."""

    code = "bad_field"


class MergeRefused(DomainError):
    """Contacts that cannot become one."""

    code = "merge_refused"


class BulkRefused(DomainError):
    """A change of many contacts that cannot begin, or is past the step that was asked for."""

    code = "bulk_refused"


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """`path` says where in a segment's rule: "" is the rule itself, "0.2" the third item of its first item."""

    path: str
    message: str


class BadRule(DomainError):
    """A segment's rule that cannot be read, or names what the client does not have. Fields: problems."""

    code = "bad_rule"

    def __init__(self, problems: tuple[RuleProblem, ...]) -> None:
        super().__init__(" ".join(dict.fromkeys(problem.message for problem in problems)), problems=problems)
        self.problems = problems


class WrongContactState(DomainError):
    """The contact is past what was asked for."""

    code = "wrong_contact_state"


class ReasonMissing(DomainError):
    """What was asked for needs a reason in words."""

    code = "reason_missing"


class WrongListState(DomainError):
    """A do-not-mail list is past, or not yet at, the step that was asked for."""

    code = "wrong_list_state"


class TookTooLong(DomainError):
    """A number that a page cannot wait for. Fields: seconds."""

    code = "took_too_long"


class SegmentExists(DomainError):
    """The client has a segment of this name."""

    code = "segment_exists"
