from core.common.errors import DomainError


class ExportRefused(DomainError):
    """The list cannot be exported as it was asked for."""

    code = "export_refused"


class ExportTakenOver(DomainError):
    """Another worker writes this export."""

    code = "export_taken_over"
