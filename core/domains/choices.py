"""What a domain and each of its records can be."""

from django.db import models


class DomainStatus(models.TextChoices):
    PENDING = "pending", "Waiting for DNS"
    VERIFIED = "verified", "Verified"
    BROKEN = "broken", "Broken"


STATUS_COLORS: dict[str, str] = {"pending": "info", "verified": "success", "broken": "danger"}


class RecordKind(models.TextChoices):
    DKIM = "dkim", "DKIM: the signature's key"
    SPF = "spf", "SPF: who may send"
    DMARC = "dmarc", "DMARC: what receivers do with forgeries"
    RETURN_PATH = "return_path", "Return path: where bounces go"
    TRACKING = "tracking", "Host of links: whose name links show"


class RecordState(models.TextChoices):
    """`unknown`: the name servers gave no answer, which says nothing about the record."""

    OK = "ok", "Right"
    MISSING = "missing", "Missing"
    WRONG = "wrong", "Wrong"
    UNKNOWN = "unknown", "No answer"


STATE_COLORS: dict[str, str] = {"ok": "success", "missing": "warning", "wrong": "danger", "unknown": "info"}
