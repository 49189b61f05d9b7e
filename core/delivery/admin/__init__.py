"""Connections, the ledger of messages and the sandbox inbox in the admin."""

from core.delivery.admin import explain_section  # noqa: F401 - registers its part of the contact page
from core.delivery.admin.connections import ConnectionAdmin
from core.delivery.admin.messages import MessageAdmin
from core.delivery.admin.sandbox import SandboxMailAdmin

__all__ = ["ConnectionAdmin", "MessageAdmin", "SandboxMailAdmin"]
