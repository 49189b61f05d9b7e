"""Roles and states of accounts, each with the label people read."""

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MANAGER = "manager", "Campaign manager"
    ACCOUNT_MANAGER = "account_manager", "Account manager (read and export)"
    VIEWER = "viewer", "Viewer"


class OrganizationStatus(models.TextChoices):
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    ARCHIVED = "archived", "Archived"


class ApprovalPolicy(models.TextChoices):
    """Who has to agree before a campaign of the client may be sent."""

    NONE = "none", "Nobody: whoever may send, sends"
    TWO_PERSON = "two_person", "A second member of the team"
    CLIENT = "client", "A second member of the team, then the client"


class MailFont(models.TextChoices):
    """Fonts that mail programs have; `core.email_templates.brand` names the stack of each."""

    SANS = "sans", "Sans serif (Helvetica, Arial)"
    SYSTEM = "system", "The reader's own system font"
    VERDANA = "verdana", "Verdana"
    TAHOMA = "tahoma", "Tahoma"
    TREBUCHET = "trebuchet", "Trebuchet"
    GEORGIA = "georgia", "Georgia"
    TIMES = "times", "Times"
    COURIER = "courier", "Courier (typewriter)"


ORGANIZATION_STATUS_COLORS = {
    OrganizationStatus.ACTIVE: "success",
    OrganizationStatus.SUSPENDED: "warning",
    OrganizationStatus.ARCHIVED: "info",
}
