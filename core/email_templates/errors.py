from core.common.errors import DomainError


class TemplateInUse(DomainError):
    """The template belongs to campaigns and cannot go. Fields: campaigns (their names, the first few)."""

    code = "email_templates.in_use"


class TemplateChangedMeanwhile(DomainError):
    """Somebody else saved since the person opened the page. Fields: version (the newest)."""

    code = "email_templates.changed_meanwhile"

    def __init__(self, message: str, version: int) -> None:
        super().__init__(message, version=version)
        self.version = version


class BlockRefused(DomainError):
    """A block cannot be saved as it is, or cannot go. Fields: templates (names, the first few)."""

    code = "email_templates.block_refused"


class BadStarterFile(DomainError):
    """A file of starter templates cannot be loaded."""

    code = "email_templates.bad_starter_file"
