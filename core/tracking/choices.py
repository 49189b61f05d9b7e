"""The one vocabulary of events. Every provider's words are turned into these; an unknown one stays `unknown`."""

from django.db import models


class EventType(models.TextChoices):
    SENT = "sent", "Sent"
    """The provider or server took the mail."""
    DELIVERED = "delivered", "Delivered"
    """The recipient's server took it."""
    DEFERRED = "deferred", "Deferred"
    """The recipient's server asked to try again later."""
    OPENED = "opened", "Opened"
    """The pixel was loaded, by a person or a machine: see the verdict."""
    CLICKED = "clicked", "Clicked"
    BOUNCED = "bounced", "Bounced"
    DROPPED = "dropped", "Dropped"
    """The provider decided not to send it."""
    COMPLAINED = "complained", "Complained"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    REPLIED = "replied", "Replied"
    UNKNOWN = "unknown", "Unknown"


class Verdict(models.TextChoices):
    """Who was behind an open or a click. Derived from what was seen, with reasons, and can be derived again."""

    HUMAN = "human", "Person"
    PREFETCH = "prefetch", "Prefetched by the mail app"
    PROXY = "proxy", "Image proxy"
    SCANNER = "scanner", "Link scanner"
    UNKNOWN = "unknown", "Unknown"


PEOPLE = frozenset({Verdict.HUMAN, Verdict.PROXY, Verdict.UNKNOWN})
"""Verdicts counted as people in headline rates: an image proxy loads when a person opens."""


class Device(models.TextChoices):
    """What a mail was read on, as far as the request tells."""

    COMPUTER = "computer", "Computer"
    PHONE = "phone", "Phone"
    TABLET = "tablet", "Tablet"
    HIDDEN = "hidden", "Hidden by the mail app"
    """Behind an image proxy or a prefetch nobody can tell."""
    UNKNOWN = "unknown", "Unknown"


class Part(models.TextChoices):
    """What a campaign's counters are divided by."""

    ALL = "all", "All"
    PROVIDER = "provider", "Mailbox provider"
    DOMAIN = "domain", "Recipient's domain"
    DEVICE = "device", "Device"
    GROUP = "group", "Group"
    BOUNCE = "bounce", "Why it came back"


class PeriodLength(models.TextChoices):
    DAY = "day", "Day"
    MONTH = "month", "Month"


class VerdictReason(models.TextChoices):
    """The signal a verdict rests on. Codes are stored with the event; the first one decided."""

    BROWSER = "browser", "A browser or mail app"
    UNFAMILIAR_AGENT = "unfamiliar_agent", "Calls itself by an unfamiliar name"
    IMAGE_PROXY = "image_proxy", "The mailbox provider's image proxy: it loads when a person opens"
    APPLE_PRIVACY = "apple_privacy", "Apple Mail loads images ahead of reading"
    GMAIL_PREFETCH = "gmail_prefetch", "Gmail loads images ahead of reading"
    KNOWN_MACHINE = "known_machine", "Calls itself a bot, a scanner or a program"
    NO_AGENT = "no_agent", "Does not say what it is"
    HEAD_REQUEST = "head_request", "Asked for the headers only"
    TOO_SOON = "too_soon", "Within two seconds of sending"
    ONE_CLICK = "one_click", "Pressed the button"


class PostState(models.TextChoices):
    """A provider's post on its way into events."""

    WAITING = "waiting", "Waiting"
    DONE = "done", "Read"
    FAILED = "failed", "Not readable"


class DeadReason(models.TextChoices):
    """Why an event was set aside."""

    NOT_OURS = "not_ours", "Not a mail of this client"
    UNREADABLE = "unreadable", "Not readable"
    OUR_FAULT = "our_fault", "Our mistake"


class LossReason(models.TextChoices):
    """What cost opens and clicks that were answered already."""

    FULL = "full", "More came than the worker could read, and the queue was full"
    FLUSHED = "flushed", "Redis lost what it held (about so many)"
    AWAY = "away", "Redis and the database were away, and the memory was full"
    GONE = "gone", "The mail they were about is no longer kept"
