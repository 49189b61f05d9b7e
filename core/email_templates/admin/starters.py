"""The agency's starters."""

from django.contrib.admin import register
from unfold.decorators import display

from core.accounts.model_admins import AgencyModelAdmin
from core.email_templates.admin.editor import EditorMixin
from core.email_templates.forms import StarterTemplateForm
from core.email_templates.models import StarterTemplate


@register(StarterTemplate)
class StarterTemplateAdmin(EditorMixin, AgencyModelAdmin):
    form = StarterTemplateForm
    list_display = ("name", "category_label", "description", "updated_at")
    search_fields = ("name", "description")
    prepopulated_fields = {"slug": ("name",)}
    empty_title = "No starters yet"
    empty_text = "Starters are designs that every client can begin from."
    empty_icon = "dashboard"

    @display(description="category", ordering="category", label=True)
    def category_label(self, obj: StarterTemplate) -> str:
        return obj.get_category_display()
