from core.delivery.models.agency import AgencyAccount
from core.delivery.models.checks import LedgerCheck
from core.delivery.models.connections import Connection, SandboxMail
from core.delivery.models.ledger import DeliveryBatch, Message, MessageValues, SendAttempt
from core.delivery.models.limits import DailyCount, StreamStop
from core.delivery.models.mail_tests import MailTest
from core.delivery.models.rehearsals import Rehearsal

__all__ = [
    "AgencyAccount",
    "Connection",
    "DailyCount",
    "DeliveryBatch",
    "LedgerCheck",
    "MailTest",
    "Message",
    "MessageValues",
    "Rehearsal",
    "SandboxMail",
    "SendAttempt",
    "StreamStop",
]
