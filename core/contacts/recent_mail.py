"""Whether somebody got a mail lately. Mails are known above: the package that sends says how to ask for them."""

from typing import Protocol


class RecentMail(Protocol):
    def __call__(self, *, contact: str, since: str) -> str: ...


_asked: list[RecentMail] = []


def register_recent_mail(sql: RecentMail) -> None:
    """Called once, when the application starts. `sql` gives a condition: the row `contact` (an alias with id and
    organization_id) was sent a mail of its client after the moment `since` (an SQL expression)."""
    _asked[:] = [sql]


def recent_mail_sql(*, contact: str, since: str) -> str:
    """The registered condition. Raises IndexError when the package that sends is not installed."""
    return _asked[0](contact=contact, since=since)
