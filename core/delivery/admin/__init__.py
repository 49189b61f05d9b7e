"""Connections, the ledger of messages and the sandbox inbox in the admin."""

from core.delivery.admin import explain_section  # noqa: F401 - registers its part of the contact page
from core.delivery.admin.connections import AgencyAccountAdmin, ConnectionAdmin
from core.delivery.admin.ledger_checks import LedgerCheckAdmin
from core.delivery.admin.mail_tests import MailTestAdmin
from core.delivery.admin.messages import MessageAdmin
from core.delivery.admin.rehearsals import RehearsalAdmin
from core.delivery.admin.sandbox import SandboxMailAdmin

__all__ = [
    "AgencyAccountAdmin",
    "ConnectionAdmin",
    "LedgerCheckAdmin",
    "MailTestAdmin",
    "MessageAdmin",
    "RehearsalAdmin",
    "SandboxMailAdmin",
]
