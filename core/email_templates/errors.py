from core.common.errors import DomainError


class TemplateInUse(DomainError):
    """The template belongs to campaigns and cannot go. Fields: campaigns (their names, the first few)."""

    code = "email_templates.in_use"


class BadStarterFile(DomainError):
    """A file of starter templates cannot be loaded."""

    code = "email_templates.bad_starter_file"
