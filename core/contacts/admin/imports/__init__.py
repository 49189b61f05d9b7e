"""The import's steps as pages: upload, columns, check, run, result."""

from core.contacts.admin.imports.admin import ContactImportAdmin

__all__ = ["ContactImportAdmin"]
