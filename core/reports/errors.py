from core.common.errors import DomainError


class ReportRefused(DomainError):
    """The report cannot be made, sent or planned as it was asked for."""

    code = "report_refused"
