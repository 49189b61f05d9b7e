"""What a mail was read on, from the words that the reader's program uses for itself."""

import re

from core.tracking.choices import Device

_HIDDEN = re.compile(r"GoogleImageProxy|YahooMailProxy|^Mozilla/5\.0$", re.IGNORECASE)
_TABLET = re.compile(r"iPad|Tablet|Kindle|Silk/|Android(?!.*Mobile)", re.IGNORECASE)
_PHONE = re.compile(r"iPhone|iPod|Android.*Mobile|Windows Phone|Mobile Safari", re.IGNORECASE)
_COMPUTER = re.compile(r"Windows NT|Macintosh|X11|CrOS|Thunderbird|Outlook", re.IGNORECASE)


def device_of(user_agent: str) -> Device:
    """The device behind a request, UNKNOWN when its words say nothing."""
    for pattern, device in (
        (_HIDDEN, Device.HIDDEN),
        (_TABLET, Device.TABLET),
        (_PHONE, Device.PHONE),
        (_COMPUTER, Device.COMPUTER),
    ):
        if pattern.search(user_agent):
            return device
    return Device.UNKNOWN
