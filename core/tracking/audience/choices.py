"""What happens to a list of people, and how alive its people are."""

from django.db import models


class Turn(models.TextChoices):
    """Why somebody began or ceased to be a subscribed contact."""

    JOINED = "joined", "Joined"
    RESUBSCRIBED = "resubscribed", "Came back"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Address bounced"
    COMPLAINED = "complained", "Complained"
    DELETED = "deleted", "Deleted or merged"


ARRIVALS = (Turn.JOINED, Turn.RESUBSCRIBED)
DEPARTURES = (Turn.UNSUBSCRIBED, Turn.BOUNCED, Turn.COMPLAINED, Turn.DELETED)


class Activity(models.TextChoices):
    """When somebody last opened or clicked, in the order of fading."""

    MONTH = "month", "Last 30 days"
    QUARTER = "quarter", "31 to 90 days ago"
    YEAR = "year", "91 days to a year ago"
    LONGER = "longer", "Longer ago"
    NEVER = "never", "Never"
    LEFT = "left", "No longer on the list"
