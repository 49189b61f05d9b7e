"""Webhooks: where providers report to and mails come back to, what came in, and what had to be set aside."""

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
from core.delivery.models.connections import ConnectionKind
from core.tracking.choices import INBOUND_KINDS, DeadReason, WebhookKind
from core.tracking.forms import (
    HOST_FIELDS,
    KEY_FIELDS,
    SECRET_FIELDS,
    WebhookAddForm,
    WebhookEndpointForm,
    is_proven_by_key,
)
from core.tracking.inbound.hosts import hosts_apply
from core.tracking.inbound.reading import MailKind
from core.tracking.models import DeadEvent, WebhookEndpoint, WebhookPost
from core.tracking.webhooks.instructions import instructions_for
from core.tracking.webhooks.services import dead_event_replay

_DEAD_COLORS = {DeadReason.NOT_OURS: "warning", DeadReason.UNREADABLE: "warning", DeadReason.OUR_FAULT: "danger"}


_PASSED_OVER = {
    MailKind.OTHER: "not about mails of EngageX",
    MailKind.AUTOMATIC: "automatic answers",
    MailKind.UNPROVEN: "bounces that do not prove which mail they are about",
}


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OrganizationModelAdmin):
    """The address to enter at the provider, the proof its reports bring, and hosts that mails come back to."""

    form = WebhookEndpointForm
    view_permission = Permission.SENDING_VIEW
    add_permission = Permission.SENDING_MANAGE
    change_permission = Permission.SENDING_MANAGE
    delete_permission = Permission.SENDING_MANAGE
    list_display = ("connection", "kind", "shown_proof", "shown_last", "shown_found")
    list_filter = ("kind",)
    list_select_related = ("connection__account",)
    actions_list = ("see_set_aside",)
    readonly_fields = ("connection", "kind", "shown_steps", "shown_last", "shown_found", "shown_secrets", "shown_hosts")
    empty_title = "No webhook yet"
    empty_text = (
        "Providers report deliveries, bounces, complaints and unsubscriptions to a webhook, and mails that come back "
        "arrive at one. Add one for a connection; its page says what to enter where."
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
            .select_related("connection__account")
            .annotate(
                last_received=Subquery(newest.values("received_at")[:1]),
                last_result=Subquery(newest.values("result")[:1]),
            )
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if not change:
            kwargs["form"] = WebhookAddForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("connection", "kind")}),)
        may_change = self.has_change_permission(request, obj)
        first = ("connection", "kind", "shown_last", "shown_found")
        steps = (("Set up", {"fields": ("shown_steps",)}),) if may_change else ()
        hosts = (("Hosts", {"fields": (*HOST_FIELDS, "shown_hosts")}),) if obj.kind in INBOUND_KINDS else ()
        proof = KEY_FIELDS if is_proven_by_key(obj) else self._secret_fields(obj, may_change=may_change)
        return ((None, {"fields": first}), *steps, ("Proof", {"fields": proof}), *hosts)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "connection" and field is not None:
            field.queryset = field.queryset.exclude(kind=ConnectionKind.SANDBOX, account=None)
        return field

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the page that says what to do: without that nothing comes."""
        self.message_user(request, "Now enter the address below where the reports or mails come from.")
        return HttpResponseRedirect(reverse("admin:tracking_webhookendpoint_change", args=[obj.pk]))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A host that changed has to show anew that mails arrive by it."""
        changed = [name for name in HOST_FIELDS if name in form.changed_data]
        for name in changed:
            setattr(obj, name.replace("_host", "_seen_at"), None)
        super().save_model(request, obj, form, change)
        hosts_apply({form.initial.get(name) or "" for name in changed} | {getattr(obj, name) for name in changed})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        hosts_apply([obj.reply_host, obj.bounce_host])

    def get_actions(self, request: HttpRequest) -> Any:
        """No deletion in bulk: without its webhook a connection's results stand still."""
        return {}

    def _secret_fields(self, endpoint: WebhookEndpoint, *, may_change: bool) -> tuple[str, ...]:
        if not may_change:
            return ("shown_secrets",)
        return ("shown_secrets", *SECRET_FIELDS, *(("finish_exchange",) if endpoint.second_secret else ()))

    @action(description="Set-aside events", permissions=["view"], icon="inventory_2", url_path="set-aside")
    def see_set_aside(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tracking_deadevent_changelist"))

    @display(description="proof")
    def shown_proof(self, endpoint: WebhookEndpoint) -> str:
        what = KEY_FIELDS if is_proven_by_key(endpoint) else SECRET_FIELDS
        first, second = (bool(getattr(endpoint, name)) for name in what)
        if first and second:
            return "Two, one is being exchanged"
        if not first and not second and endpoint.kind == WebhookKind.INBOUND_SENDGRID:
            return "The address alone"
        return ("One key" if what is KEY_FIELDS else "One secret") if first or second else "None yet: nothing is taken"

    @display(description="stored")
    def shown_secrets(self, endpoint: WebhookEndpoint) -> str:
        return self.shown_proof(endpoint)

    @display(description="in use")
    def shown_hosts(self, endpoint: WebhookEndpoint) -> str:
        used = [
            f"{name} since {shown_moment(seen)}"
            for name, seen in (
                (endpoint.reply_host, endpoint.reply_seen_at),
                (endpoint.bounce_host, endpoint.bounce_seen_at),
            )
            if name and seen
        ]
        return "; ".join(used) or "None yet: a host is used once a mail has come to it."

    @display(description="what to do")
    def shown_steps(self, endpoint: WebhookEndpoint) -> SafeString:
        return render_to_string("tracking/webhook_steps.html", {"instructions": instructions_for(endpoint)})

    @display(description="last report received")
    def shown_last(self, endpoint: Any) -> Any:
        return shown_moment(endpoint.last_received) if endpoint.last_received else "None yet"

    @display(description="in the last report")
    def shown_found(self, endpoint: Any) -> SafeString | str:
        result = endpoint.last_result or {}
        if not result:
            return "–"
        events = result.get("events", 0)
        words = [f"{events:,} {'event' if events == 1 else 'events'}, {result.get('new', 0):,} of them new"]
        words += [f"{result[kind]:,} {label}" for kind, label in _PASSED_OVER.items() if result.get(kind)]
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
    list_display = ("created_at", "shown_reason", "words", "shown_event", "shown_webhook")
    list_select_related = ("endpoint__connection",)
    list_filter = ("reason",)
    fields = ("created_at", "reason", "words", "shown_webhook", "shown_content")
    readonly_fields = fields
    actions = ("replay_selected", "delete_selected")
    actions_detail = ("replay",)
    empty_title = "Nothing was set aside"
    empty_text = "Reports that name no mail of this client, or cannot be read, wait here with the reason."
    empty_icon = "task_alt"

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("tracking/tracking.css",)}

    @display(description="why", label=_DEAD_COLORS)
    def shown_reason(self, dead: DeadEvent) -> tuple[str, str]:
        return dead.reason, dead.get_reason_display()

    @display(description="event")
    def shown_event(self, dead: DeadEvent) -> str:
        return str(dead.event.get("event") or "–")[:60]

    @display(description="webhook")
    def shown_webhook(self, dead: DeadEvent) -> SafeString:
        url = reverse("admin:tracking_webhookendpoint_change", args=[dead.endpoint_id])
        return format_html('<a class="ex-link" href="{}">{}</a>', url, dead.endpoint)

    @display(description="as it came, without the address")
    def shown_content(self, dead: DeadEvent) -> SafeString:
        content = orjson.dumps(dead.event, option=orjson.OPT_INDENT_2).decode()
        return format_html('<pre class="tr-raw" tabindex="0">{}</pre>', content)

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
