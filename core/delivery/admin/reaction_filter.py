"""The people behind a report's figures, as a filter of the ledger."""

from typing import Any, ClassVar

from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from core.delivery.states import SendState


class ReactionFilter(DropdownFilter):
    """What people did with the mail; machines are left out. Not counted: the report knows the number."""

    title = "what they did"
    parameter_name = "did"
    is_counted = False
    _DID: ClassVar[dict[str, tuple[str, Q]]] = {
        "opened": ("Opened", Q(opened_at__isnull=False)),
        "not_opened": ("Had it, did not open", Q(opened_at__isnull=True, send_state=SendState.ACCEPTED)),
        "clicked": ("Clicked", Q(clicked_at__isnull=False)),
        "bounced": ("Came back", ~Q(bounce_class="")),
        "unsubscribed": ("Unsubscribed", Q(unsubscribed_at__isnull=False)),
        "complained": ("Complained", Q(complained_at__isnull=False)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in self._DID.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        found = self._DID.get(str(self.value()))
        return queryset.filter(found[1]) if found else queryset
