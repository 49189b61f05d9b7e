from core.delivery.models.connections import Connection, SandboxMail
from core.delivery.models.ledger import DeliveryBatch, Message, MessageValues, SendAttempt

__all__ = ["Connection", "DeliveryBatch", "Message", "MessageValues", "SandboxMail", "SendAttempt"]
