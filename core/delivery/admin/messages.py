"""The ledger: who got which campaign, who did not, and why. Read only, but for the decision about a doubt."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns.ab.services import letter
from core.campaigns.models import Campaign, CampaignSnapshot, CampaignVariant
from core.delivery.admin.explain_section import ANCHOR, PARAMETER
from core.delivery.admin.mail_preview import MailPreviewAdmin, inert_mail
from core.delivery.admin.reaction_filter import ReactionFilter
from core.delivery.models import Message
from core.delivery.resources import MessageResource
from core.delivery.services import message_mark_sent, message_send_again
from core.delivery.states import SEND_STATE_COLORS, SendState
from core.exports.admin import ExportableAdmin

NEWEST_CAMPAIGNS = 50


class CampaignFilter(DropdownFilter):
    """Offers the newest campaigns; a link from a campaign's page may name any."""

    title = "campaign"
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        newest = Campaign.objects.order_by("-id").values_list("pk", "name")[:NEWEST_CAMPAIGNS]
        return [(str(pk), name) for pk, name in newest]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        campaign_id = _uuid(self.value())
        return queryset.filter(campaign_id=campaign_id) if campaign_id else queryset


class StandingFilter(DropdownFilter):
    """What is known of the mail, as the campaign's page counts it."""

    title = "had it"
    parameter_name = "standing"
    _STATES: ClassVar[dict[str, tuple[str, ...]]] = {
        "had": (SendState.ACCEPTED,),
        "doubt": (SendState.UNCERTAIN, SendState.UNRESOLVED),
        "waiting": (SendState.READY, SendState.RETRY_WAIT),
        "skipped": (SendState.SUPPRESSED,),
        "failed": (SendState.FAILED,),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("had", "Had it"), ("doubt", "In doubt"), ("waiting", "Did not have it yet"), ("skipped", "Skipped"),
                ("failed", "Failed")]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        states = self._STATES.get(str(self.value()))
        return queryset.filter(send_state__in=states) if states else queryset


class VersionFilter(DropdownFilter):
    """Those who had one version of a campaign, from a link on its page."""

    title = "version"
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        campaign_id = _uuid(request.GET.get("campaign"))
        if campaign_id is None:
            return []
        versions = CampaignSnapshot.objects.filter(campaign_id=campaign_id).order_by("variant", "revision")
        rows = list(versions.values_list("pk", "variant", "revision"))
        return [
            (str(pk), f"{f'Variant {letter(variant)}, version' if variant else 'Version'} {revision}")
            for pk, variant, revision in rows
            if len(rows) > 1
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        version = _uuid(self.value())
        had = queryset.filter(values__snapshot_id=version, send_state=SendState.ACCEPTED)
        return had if version else queryset


class VariantFilter(DropdownFilter):
    """Those who were mailed one variant of an A/B test."""

    title = "variant"
    parameter_name = "variant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        campaign_id = _uuid(request.GET.get("campaign"))
        if campaign_id is None:
            return []
        numbers = CampaignVariant.objects.filter(campaign_id=campaign_id).order_by("number")
        return [(str(number), f"Variant {letter(number)}") for number in numbers.values_list("number", flat=True)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = str(self.value())
        return queryset.filter(batch__variant=int(value)) if value.isdecimal() and len(value) == 1 else queryset


@admin.register(Message)
class MessageAdmin(MailPreviewAdmin, ExportableAdmin, OrganizationModelAdmin):
    """Rows come from the pipeline only."""

    export_permission = Permission.RESULTS_EXPORT
    resource_classes = [MessageResource]
    actions_list = ("export_list",)

    view_permission = Permission.CAMPAIGNS_VIEW
    list_display = ("contact", "campaign", "state", "why", "accepted_at")
    list_select_related = ("contact", "campaign")
    list_filter = (
        CampaignFilter,
        StandingFilter,
        ReactionFilter,
        ("bounce_class", ChoicesDropdownFilter),
        ("send_state", ChoicesDropdownFilter),
        VersionFilter,
        VariantFilter,
    )
    search_fields = ("contact__email_key",)
    search_help_text = "The beginning of an address"
    fieldsets = (
        (None, {"fields": ("contact", "campaign", "send_state", "why", "words")}),
        (
            "Times",
            {
                "fields": (
                    ("accepted_at", "due_at"),
                    ("opened_at", "clicked_at"),
                    ("bounced_at", "complained_at", "unsubscribed_at"),
                )
            },
        ),
        ("Attempts", {"fields": (("attempts", "resends"), "provider_message_id", "delivery_state")}),
    )
    readonly_fields = ("why",)
    actions_detail = ("send_again", "mark_as_sent", "explain")
    empty_title = "No messages yet"
    empty_text = "Each person of a campaign gets a row here as soon as the campaign starts."
    empty_icon = "outbox"

    @display(description="state", ordering="send_state", label=dict(SEND_STATE_COLORS))
    def state(self, message: Message) -> tuple[str, str]:
        return message.send_state, message.get_send_state_display()

    @display(description="why")
    def why(self, message: Message) -> str:
        return message.get_reason_display() or message.words or "–"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Decisions are offered only where one is due."""
        offered = super().get_actions_detail(request, object_id)
        is_due = Message.objects.filter(pk=object_id, send_state=SendState.UNRESOLVED).exists()
        return offered if is_due else [one for one in offered if one.action_name.endswith("_explain")]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """By the beginning of the address: an index answers it, a search inside of it would read every row."""
        if search_term.strip():
            queryset = queryset.filter(contact__email_key__startswith=search_term.strip().casefold())
        return queryset, False

    @action(description="Explain", url_path="explain", permissions=["contacts_view"], icon="help")
    def explain(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Leads to the contact's page, where the answer stands beside everything else about the person."""
        message = self._message(object_id)
        access_of(request).require(Permission.CONTACTS_VIEW, message.organization_id)
        contact_url = reverse("admin:contacts_contact_change", args=[message.contact_id])
        query = urlencode({PARAMETER: str(message.campaign_id)})
        return HttpResponseRedirect(f"{contact_url}?{query}#{ANCHOR}")

    def raw_of(self, request: HttpRequest, obj: Any) -> bytes | None:
        return inert_mail(obj.pk)

    @action(description="Send again", url_path="send-again", permissions=["campaigns_send"], icon="send")
    def send_again(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        message = self._message(object_id)
        confirmation = self._question(
            message,
            title=f"Send “{message.campaign}” to {message.contact} again",
            submit_label="Send again",
            sentences=(
                f"{message.contact} may have got this mail already: the server never answered.",
                "Sent again, it carries the same Message-ID, so that most mail programs show it only once.",
            ),
        )

        def perform() -> str:
            message_send_again(message_id=message.pk)
            return f"“{message.campaign}” goes out to {message.contact} again."

        return self.confirmed(request, confirmation, perform=perform, done_url=confirmation.back_url)

    @action(description="Mark as sent", url_path="mark-sent", permissions=["campaigns_send"], icon="done")
    def mark_as_sent(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        message = self._message(object_id)
        confirmation = self._question(
            message,
            title=f"Mark “{message.campaign}” to {message.contact} as sent",
            submit_label="Mark as sent",
            sentences=("Choose this when you know that the mail arrived. Nothing is sent.",),
        )

        def perform() -> str:
            message_mark_sent(message_id=message.pk)
            return f"“{message.campaign}” to {message.contact} counts as sent."

        return self.confirmed(request, confirmation, perform=perform, done_url=confirmation.back_url)

    def _message(self, object_id: UUID) -> Message:
        return Message.objects.select_related("campaign", "contact").get(pk=object_id)

    def _question(self, message: Message, *, title: str, submit_label: str, sentences: tuple[str, ...]) -> Confirmation:
        problem = ""
        if message.send_state != SendState.UNRESOLVED:
            label = message.get_send_state_display().lower()
            problem = f"This mail is {label}. Only an unresolved one needs a decision."
        return Confirmation(
            title=title,
            submit_label=submit_label,
            back_url=reverse("admin:delivery_message_change", args=[message.pk]),
            sentences=sentences,
            facts=(("State", message.get_send_state_display()), ("Provider's words", message.words or "–")),
            problem=problem,
        )


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
