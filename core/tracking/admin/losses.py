"""Opens and clicks that could not be kept, for those who run the agency's servers."""

from django.contrib import admin
from unfold.decorators import display

from core.accounts.model_admins import AgencyModelAdmin
from core.tracking.models import LostHits


@admin.register(LostHits)
class LostHitsAdmin(AgencyModelAdmin):
    """For looking only: counted by the web servers, never by hand."""

    add_permission = None
    change_permission = None
    delete_permission = None
    list_display = ("noted_at", "shown_count", "reason")
    list_filter = ("reason",)
    fields = ("noted_at", "count", "reason")
    readonly_fields = fields
    empty_title = "No open and no click was lost"
    empty_text = "When Redis loses its data, or more arrives than can be kept, what was lost is counted here."
    empty_icon = "task_alt"

    @display(description="how many", ordering="count")
    def shown_count(self, lost: LostHits) -> str:
        return f"{lost.count:,}"
