"""What people wrote back, for their client's team to read."""

from urllib.parse import quote

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.common.moments import shown_moment
from core.tracking.models import Reply

_SHOWN = 90


@admin.register(Reply)
class ReplyAdmin(OrganizationModelAdmin):
    """Text and nothing else: what a stranger wrote is never shown as HTML, and its links lead nowhere."""

    view_permission = Permission.CONTACTS_VIEW
    delete_permission = Permission.CONTACTS_MANAGE
    list_display = ("shown_subject", "shown_sender", "shown_beginning", "shown_campaign", "shown_received")
    list_select_related = ("contact", "campaign")
    search_fields = ("contact__email_key", "subject")
    fields = ("shown_address", "shown_contact", "shown_campaign", "shown_received", "shown_text")
    readonly_fields = fields
    actions = ("delete_selected",)
    empty_title = "No reply yet"
    empty_text = (
        "Replies to campaigns are kept here once a client's mails ask for them at a host that leads here: add a "
        "webhook for mails that come back."
    )
    empty_icon = "reply"
    empty_way = ("Open the webhooks", "admin:tracking_webhookendpoint_changelist", Permission.SENDING_VIEW)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Links from a campaign and a contact lead here."""
        allowed = {"campaign__id__exact", "contact__id__exact"}
        return lookup in allowed or super().lookup_allowed(lookup, value, request)

    class Media:
        css = {"all": ("tracking/tracking.css",)}

    @display(description="subject", ordering="subject")
    def shown_subject(self, reply: Reply) -> str:
        return str(reply)

    @display(description="from")
    def shown_sender(self, reply: Reply) -> str:
        address = reply.sender or reply.contact.email
        return f"{reply.sender_name} <{address}>" if reply.sender_name else address

    @display(description="from")
    def shown_address(self, reply: Reply) -> SafeString:
        """Leads to the reader's own mail program, which is where an answer is written."""
        return format_html('<a class="ex-link" href="{}">{}</a>', _answer_link(reply), self.shown_sender(reply))

    @display(description="text")
    def shown_beginning(self, reply: Reply) -> str:
        words = " ".join(reply.text[: _SHOWN * 3].split())
        return f"{words[:_SHOWN]}…" if len(words) > _SHOWN else words or "–"

    @display(description="contact")
    def shown_contact(self, reply: Reply) -> SafeString:
        url = reverse("admin:contacts_contact_change", args=[reply.contact_id])
        return format_html('<a class="ex-link" href="{}">{}</a>', url, reply.contact)

    @display(description="campaign", ordering="campaign__name")
    def shown_campaign(self, reply: Reply) -> SafeString:
        url = reverse("admin:campaigns_campaign_change", args=[reply.campaign_id])
        return format_html('<a class="ex-link" href="{}">{}</a>', url, reply.campaign)

    @display(description="received", ordering="id")
    def shown_received(self, reply: Reply) -> str:
        return shown_moment(reply.received_at)

    @display(description="what was written")
    def shown_text(self, reply: Reply) -> SafeString:
        return render_to_string("tracking/reply_text.html", {"text": reply.text, "answer_url": _answer_link(reply)})


def _answer_link(reply: Reply) -> str:
    address = reply.sender or reply.contact.email
    return f"mailto:{quote(address, safe='@')}?subject={quote(reply.subject)}"
