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
    TRAPPED = "trapped", "Followed the hidden link"
    """The link that nobody sees (core.delivery.public_links.HIDDEN_LINK). Counts as no click and as no link."""
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


class PeriodPart(models.TextChoices):
    """What a client's counters are divided by."""

    ALL = "all", "All"
    SENDER = "sender", "Sender"
    PROVIDER = "provider", "Mailbox provider"


class PeriodLength(models.TextChoices):
    """Pages tell days and months; sums over long spans are taken from longer ones."""

    DAY = "day", "Day"
    MONTH = "month", "Month"
    YEAR = "year", "Year"


class VerdictReason(models.TextChoices):
    """The signal a verdict rests on. Codes are stored with the event; the first one decided.

    How each is recognised and how they are weighed: core.tracking.verdicts.
    """

    BROWSER = "browser", "A browser or mail app"
    UNFAMILIAR_AGENT = "unfamiliar_agent", "Calls itself by an unfamiliar name"
    IMAGE_PROXY = "image_proxy", "The mailbox provider's image proxy: it loads when a person opens"
    DATA_CENTRE = "data_centre", "From a data centre, as people with a VPN come and programs do"
    HONEYPOT = "honeypot", "The hidden link was followed, which no person sees"
    KNOWN_MACHINE = "known_machine", "Calls itself a bot, a scanner or a program"
    LINK_PREVIEW = "link_preview", "A chat app that shows a preview of the page"
    SECURITY_NETWORK = "security_network", "From the network of a mail security service"
    HEAD_REQUEST = "head_request", "Asked for the headers only"
    NO_AGENT = "no_agent", "Does not say what it is"
    BARE_AGENT = "bare_agent", "Says only “Mozilla/5.0”, as no browser does"
    ALL_LINKS = "all_links", "Opened all links of the mail within a minute"
    BURST = "burst", "Opened several links faster than a person can"
    SAME_VISIT = "same_visit", "Part of a visit that opened links faster than a person can"
    CLOUD_TOUR = "cloud_tour", "Opened three links or more within a minute, from data centres"
    ECHO = "echo", "Checked a link from a data centre while somebody else opened it"
    APPLE_PRIVACY = "apple_privacy", "Apple Mail loads images ahead of reading"
    GMAIL_PREFETCH = "gmail_prefetch", "Gmail loads images ahead of reading"
    PROVIDER_SAYS = "provider_says", "The mail provider reports that a machine loaded it"
    TOO_SOON = "too_soon", "Within seconds of sending"
    SOON_FROM_CLOUD = "soon_from_cloud", "From a data centre, within minutes of sending"
    NO_LANGUAGE = "no_language", "Calls itself a browser, but names no language as browsers do"
    ONE_CLICK = "one_click", "Pressed the button"


class WebhookKind(models.TextChoices):
    """What comes to a webhook, and how its sender proves who it is."""

    EVENTS = "events", "Reports of the provider"
    INBOUND_SENDGRID = "inbound_sendgrid", "Mails that come back, by SendGrid's Inbound Parse"
    INBOUND_SIGNED = "inbound_signed", "Mails that come back, from a mail server of your own"


INBOUND_KINDS = frozenset({WebhookKind.INBOUND_SENDGRID, WebhookKind.INBOUND_SIGNED})
"""Whole mails come here: answers, bounces and complaints."""


class AlertKind(models.TextChoices):
    """What mail servers hold against a sender: the classes of bounces.ABOUT_SENDER."""

    REPUTATION = "reputation", "Refused for the sender's reputation"
    AUTH = "auth", "Refused for missing authentication (SPF, DKIM, DMARC)"
    CONTENT = "content", "Refused as spam"
    RATE = "rate", "Refused for too many mails at once"
    POLICY = "policy", "Refused by the recipient's policy"


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
