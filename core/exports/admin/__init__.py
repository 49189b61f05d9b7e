"""Exports in the admin: what makes a list exportable, and the exports themselves."""

from core.exports.admin.exportable import ExportableAdmin
from core.exports.admin.exports import ListExportAdmin

__all__ = ["ExportableAdmin", "ListExportAdmin"]
