"""States of contacts, suppressions and imports."""

from django.db import models


class ContactStatus(models.TextChoices):
    SUBSCRIBED = "subscribed", "Subscribed"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    PENDING = "pending", "Waiting for confirmation"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"


CONTACT_STATUS_COLORS = {
    ContactStatus.SUBSCRIBED: "success",
    ContactStatus.UNSUBSCRIBED: "info",
    ContactStatus.PENDING: "warning",
    ContactStatus.BOUNCED: "danger",
    ContactStatus.COMPLAINED: "danger",
}


class BlockReason(models.TextChoices):
    """Why a contact is not written to. The values are those of the ledger's skip reasons."""

    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    NOT_CONFIRMED = "not_confirmed", "Subscription not confirmed"
    BOUNCED = "bounced", "Address bounced before"
    COMPLAINED = "complained", "Complained before"
    SUPPRESSION_LIST = "suppression_list", "On the suppression list"
    AGENCY_SUPPRESSION = "agency_suppression", "On the agency's suppression list"
    TOPIC = "topic", "Left this topic"
    PAUSED = "paused", "Paused by the person"
    FREQUENCY = "frequency", "Asked for fewer mails"
    DELETED = "deleted", "Contact deleted"


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"
    MANUAL = "manual", "Added by hand"
    IMPORTED = "imported", "From a do-not-mail list"
    ERASED = "erased", "Erased on the person's wish"


class SuppressionKind(models.TextChoices):
    """What a suppression goes by. Hashes are those of the address in lower case, as other tools export them."""

    ADDRESS = "address", "Address"
    DOMAIN = "domain", "Whole domain"
    MD5 = "md5", "MD5 of an address"
    SHA256 = "sha256", "SHA-256 of an address"
    ERASED = "erased", "Keyed hash of an erased address"


class ListStatus(models.TextChoices):
    """A do-not-mail list on its way: reading → draft → queued → done; one that holds nothing failed."""

    READING = "reading", "Being read"
    DRAFT = "draft", "Waiting for confirmation"
    QUEUED = "queued", "Being added"
    DONE = "done", "Done"
    FAILED = "failed", "Unreadable"


class ConsentBasis(models.TextChoices):
    """Why a client may write to somebody (GDPR, article 6; national rules for existing customers)."""

    EXPRESS = "express", "Express consent"
    DOUBLE_OPT_IN = "double_opt_in", "Confirmed by mail (double opt-in)"
    EXISTING_CUSTOMER = "existing_customer", "Existing customer"
    LEGITIMATE_INTEREST = "legitimate_interest", "Legitimate interest"
    CONTRACT = "contract", "Needed for a contract"


class ConsentChange(models.TextChoices):
    """What happened to somebody's consent."""

    GIVEN = "given", "Given"
    CONFIRMED = "confirmed", "Confirmed by mail"
    WITHDRAWN = "withdrawn", "Withdrawn"
    PREFERENCES = "preferences", "Preferences changed"


class MailFrequency(models.TextChoices):
    """The most mails somebody wants; empty is every mail."""

    WEEKLY = "weekly", "At most one a week"
    MONTHLY = "monthly", "At most one a month"


class FieldKind(models.TextChoices):
    """Types of custom fields. In JSON: text and choice are strings, numbers are numbers, dates are ISO 8601, yes/no is
    true or false."""

    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    DATE = "date", "Date"
    BOOLEAN = "boolean", "Yes or no"
    CHOICE = "choice", "One of a list"


class ImportMode(models.TextChoices):
    """What an import does to contacts that are there already. Nobody is ever resubscribed."""

    UPDATE = "update", "Add new contacts and update known ones; empty cells change nothing"
    ADD_ONLY = "add_only", "Add new contacts only; leave known ones as they are"
    OVERWRITE_EMPTY = "overwrite", "Add and update; empty cells empty the field"


class ImportStatus(models.TextChoices):
    """reading → draft → queued → running ⇄ paused → done → undoing → undone; failed and cancelled can be undone too."""

    READING = "reading", "Being read"
    DRAFT = "draft", "Waiting for confirmation"
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    FAILED = "failed", "Stopped"
    CANCELLED = "cancelled", "Cancelled"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


IMPORT_STATUS_COLORS = {
    ImportStatus.READING: "info",
    ImportStatus.DRAFT: "info",
    ImportStatus.QUEUED: "info",
    ImportStatus.RUNNING: "warning",
    ImportStatus.PAUSED: "warning",
    ImportStatus.DONE: "success",
    ImportStatus.FAILED: "danger",
    ImportStatus.CANCELLED: "info",
    ImportStatus.UNDOING: "warning",
    ImportStatus.UNDONE: "info",
}


class SignupState(models.TextChoices):
    """A request to be subscribed: the confirmation mail goes out, then the person confirms or does not."""

    WAITING = "waiting", "Confirmation mail waiting"
    SENT = "sent", "Confirmation mail sent"
    FAILED = "failed", "Confirmation mail failed"
    CONFIRMED = "confirmed", "Confirmed"


class BulkKind(models.TextChoices):
    """What is done to many contacts. The last five belong to tags, custom fields and refusals, not to a filtered
    list."""

    JOIN_GROUP = "join_group", "Add to a group"
    LEAVE_GROUP = "leave_group", "Remove from a group"
    ADD_TAGS = "add_tags", "Add tags"
    REMOVE_TAGS = "remove_tags", "Remove tags"
    UNSUBSCRIBE = "unsubscribe", "Unsubscribe"
    SUPPRESS = "suppress", "Suppress"
    DELETE = "delete", "Delete"
    RENAME_TAG = "rename_tag", "Rename a tag"
    DELETE_TAG = "delete_tag", "Delete a tag"
    CLEAR_FIELD = "clear_field", "Remove the values of a custom field"
    RETYPE_FIELD = "retype_field", "Change the type of a custom field"
    LIFT_REFUSED = "lift_refused", "Take back what a mail server said"


class BulkStatus(models.TextChoices):
    """queued → running → done; failed and cancelled end it, too."""

    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Stopped"
    CANCELLED = "cancelled", "Cancelled"


BULK_STATUS_COLORS = {
    BulkStatus.QUEUED: "info",
    BulkStatus.RUNNING: "warning",
    BulkStatus.DONE: "success",
    BulkStatus.FAILED: "danger",
    BulkStatus.CANCELLED: "info",
}
