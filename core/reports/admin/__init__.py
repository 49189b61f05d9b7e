"""Reports in the admin: what is kept and planned, and what was made."""

from core.reports.admin.definitions import ReportDefinitionAdmin
from core.reports.admin.packs import ReportPackAdmin

__all__ = ["ReportDefinitionAdmin", "ReportPackAdmin"]
