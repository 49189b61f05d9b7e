"""Event webhooks: where SendGrid reports to, what came in, and what had to be set aside."""

from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.moments import shown_moment
from core.tracking.choices import DeadReason
from core.tracking.forms import WebhookEndpointForm
from core.tracking.models import DeadEvent, WebhookEndpoint, WebhookPost
from core.tracking.webhooks.links import webhook_url
from core.tracking.webhooks.services import dead_event_replay

_DEAD_COLORS = {DeadReason.NOT_OURS: "warning", DeadReason.UNREADABLE: "warning", DeadReason.OUR_FAULT: "danger"}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OrganizationModelAdmin):
    """One for each SendGrid connection: the address to enter there, and the keys its reports are signed with."""

    form = WebhookEndpointForm
    view_permission = Permission.SENDING_VIEW
    add_permission = Permission.SENDING_MANAGE
    change_permission = Permission.SENDING_MANAGE
    delete_permission = Permission.SENDING_MANAGE
    list_display = ("connection", "shown_keys", "shown_last", "shown_found")
    list_select_related = ("connection",)
    actions_list = ("see_set_aside",)
    readonly_fields = ("shown_address", "shown_last", "shown_found")
    fieldsets = (
        (None, {"fields": ("connection", "shown_address", "shown_last", "shown_found")}),
        ("Signature", {"fields": ("key", "second_key")}),
    )
    add_fieldsets = ((None, {"fields": ("connection", "key", "second_key")}),)
    empty_title = "No event webhook yet"
    empty_text = (
        "SendGrid reports deliveries, bounces, complaints and unsubscriptions to an event webhook. Add one for your "
        "SendGrid connection and enter its address there."
    )
    empty_icon = "webhook"

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("tracking/tracking.css",)}
        js = ("tracking/tracking.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        newest = WebhookPost.objects.filter(endpoint=OuterRef("pk")).order_by("-pk")
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_received=Subquery(newest.values("received_at")[:1]),
                last_result=Subquery(newest.values("result")[:1]),
            )
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("connection", *self.readonly_fields) if obj else self.readonly_fields

    def get_actions(self, request: HttpRequest) -> Any:
        """No deletion in bulk: without its webhook a connection's results stand still."""
        return {}

    @action(description="Set-aside events", permissions=["view"], icon="inventory_2", url_path="set-aside")
    def see_set_aside(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tracking_deadevent_changelist"))

    @display(description="keys")
    def shown_keys(self, endpoint: WebhookEndpoint) -> str:
        return "Two, one is being exchanged" if endpoint.second_key else "One"

    @display(description="address to enter in SendGrid")
    def shown_address(self, endpoint: WebhookEndpoint) -> SafeString:
        return render_to_string("tracking/webhook_address.html", {"url": webhook_url(endpoint.connection_id)})

    @display(description="last report received")
    def shown_last(self, endpoint: Any) -> Any:
        return shown_moment(endpoint.last_received) if endpoint.last_received else "None yet"

    @display(description="in the last report")
    def shown_found(self, endpoint: Any) -> SafeString | str:
        result = endpoint.last_result or {}
        if not result:
            return "–"
        words = [f"{result.get('events', 0):,} events, {result.get('new', 0):,} of them new"]
        if result.get("other_mail"):
            words.append(f"{result['other_mail']:,} about mails that EngageX did not send")
        if not result.get("set_aside"):
            return "; ".join(words)
        url = reverse("admin:tracking_deadevent_changelist")
        return format_html('{}; <a href="{}">{} set aside</a>', "; ".join(words), url, f"{result['set_aside']:,}")


@admin.register(DeadEvent)
class DeadEventAdmin(OrganizationModelAdmin):
    """What could not be applied, with the reason; can be tried again, one by one or many."""

    view_permission = Permission.SENDING_VIEW
    change_permission = None
    delete_permission = Permission.SENDING_MANAGE
    list_display = ("created_at", "shown_reason", "words", "shown_event", "endpoint")
    list_select_related = ("endpoint__connection",)
    list_filter = ("reason",)
    fields = ("created_at", "shown_reason", "words", "endpoint", "shown_content")
    readonly_fields = fields
    actions = ("replay_selected", "delete_selected")
    actions_detail = ("replay",)
    empty_title = "Nothing was set aside"
    empty_text = "Reports that name no mail of this client, or cannot be read, wait here with the reason."
    empty_icon = "task_alt"

    @display(description="why", label=_DEAD_COLORS)
    def shown_reason(self, dead: DeadEvent) -> tuple[str, str]:
        return dead.reason, dead.get_reason_display()

    @display(description="event")
    def shown_event(self, dead: DeadEvent) -> str:
        return str(dead.event.get("event") or "–")[:60]

    @display(description="as it came, without the address")
    def shown_content(self, dead: DeadEvent) -> str:
        return orjson.dumps(dead.event, option=orjson.OPT_INDENT_2).decode()

    @action(description="Try again", url_path="replay", permissions=["sending_manage"], icon="replay")
    def replay(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        dead = DeadEvent.objects.get(pk=object_id)
        page = reverse("admin:tracking_deadevent_change", args=[dead.pk])

        def perform() -> str:
            dead_event_replay(dead_event_id=dead.pk)
            return "The event was applied and is gone from this list."

        confirmation = Confirmation(
            title="Try this event again",
            submit_label="Try again",
            back_url=page,
            sentences=("It is read once more. If it fits now, it changes what every such event changes.",),
            facts=(("Why it was set aside", dead.get_reason_display()),),
        )
        return self.confirmed(
            request, confirmation, perform=perform, done_url=reverse("admin:tracking_deadevent_changelist")
        )

    @action(description="Try again", permissions=["sending_manage"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[DeadEvent]) -> HttpResponse:
        ids = list(queryset.values_list("pk", flat=True)[:_MOST_AT_ONCE])
        back_url = reverse("admin:tracking_deadevent_changelist")

        def perform() -> str:
            applied = sum(_is_applied(pk) for pk in ids)
            return f"{applied:,} of {len(ids):,} events were applied. The others stay here with their reasons."

        confirmation = Confirmation(
            title=f"Try {len(ids):,} events again",
            submit_label="Try again",
            back_url=back_url,
            sentences=(f"{len(ids):,} events are read once more. Those that fit now leave this list.",),
            hidden=(("action", "replay_selected"), ("confirmed", "1"), *(("_selected_action", str(pk)) for pk in ids)),
        )
        is_confirmed = request.POST.get("confirmed") == "1"
        return self.confirmed(request, confirmation, perform=perform, done_url=back_url, is_confirmed=is_confirmed)


_MOST_AT_ONCE = 500


def _is_applied(dead_event_id: UUID) -> bool:
    try:
        dead_event_replay(dead_event_id=dead_event_id)
    except DomainError:
        return False
    return True
