"""What every list and form of ours has in common."""

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeData, mark_safe

from core.accounts.model_admins.changelist import LongListAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError

NOTHING_CHOSEN = "Choose …"


class HouseStyle(LongListAdmin):
    """25 rows, pages by key behind the last counted one, filters applied together and without counts of their own, a
    warning before typed text is lost.

    An empty list shows `empty_title`, `empty_text` and `empty_icon`, and the button for the first row, or the one of
    `empty_way` (title, URL name, permission) where rows come about on another page. A DomainError
    that reaches the page becomes a message on it; the transaction of the page has been rolled back by then.
    """

    list_per_page = 25
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_filter_submit = True
    warn_unsaved_form = True
    empty_title: ClassVar[str] = ""
    empty_text: ClassVar[str] = ""
    empty_icon: ClassVar[str] = "inbox"
    empty_way: ClassVar[tuple[str, str, Permission] | None] = None
    actions: Any = ()

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.add_url_if_allowed = self._add_url(request)
        changelist.empty_way = self._empty_way(request)
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except DomainError as error:
            return _refused(request, error)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            return _refused(request, error)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as error:
            return _refused(request, error)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and field.empty_label is not None:
            field.empty_label = NOTHING_CHOSEN
        return field

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault(
            "choices", db_field.get_choices(include_blank=db_field.blank, blank_choice=[("", NOTHING_CHOSEN)])
        )
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """Django's own sentences, without "successfully": what was done says so itself (UX 4)."""
        words = str(message).replace(" successfully", "").replace("Successfully d", "D")
        super().message_user(request, mark_safe(words) if isinstance(message, SafeData) else words, *args, **kwargs)

    def _empty_way(self, request: HttpRequest) -> dict[str, str]:
        if self.empty_way is None or not access_of(request).can(self.empty_way[2]):
            return {}
        return {"title": self.empty_way[0], "url": reverse(self.empty_way[1])}

    def _add_url(self, request: HttpRequest) -> str:
        if not self.has_add_permission(request):
            return ""
        options = self.opts
        try:
            return reverse(f"admin:{options.app_label}_{options.model_name}_add")
        except NoReverseMatch:
            return ""  # a model that is added some other way has no such page


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    messages.error(request, str(error))
    return HttpResponseRedirect(request.get_full_path())
