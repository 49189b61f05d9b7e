"""The sandbox inbox: mails that went nowhere, as they would have arrived."""

from typing import Any

from django.contrib.admin import register
from django.http import HttpRequest

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.delivery.admin.mail_preview import MailPreviewAdmin, inert_mail
from core.delivery.models import SandboxMail

MAY_TRY_LINKS = (Permission.CAMPAIGNS_SEND, Permission.SENDING_MANAGE)


@register(SandboxMail)
class SandboxMailAdmin(MailPreviewAdmin, OrganizationModelAdmin):
    """Mails come from the sandbox connection only; people with the right to manage sending may clear them away."""

    view_permission = Permission.SENDING_VIEW
    delete_permission = Permission.SENDING_MANAGE
    list_display = ("subject", "recipient", "sender", "received_at")
    search_fields = ("recipient__startswith",)
    search_help_text = "The beginning of an address"
    fields = ("subject", "sender", "recipient", "received_at")
    actions = ("delete_selected",)
    empty_title = "The sandbox inbox is empty"
    empty_text = "A campaign that goes out over a sandbox connection puts its mails here instead of delivering them."
    empty_icon = "inbox"

    def get_queryset(self, request: Any) -> Any:
        """Lists do not read the mails themselves; the page of one mail does."""
        return super().get_queryset(request).defer("raw")

    def raw_of(self, request: HttpRequest, obj: Any) -> bytes | None:
        """People who send campaigns or manage sending may try the links; others see them without their tokens."""
        may_try = any(self._may(request, permission, obj) for permission in MAY_TRY_LINKS)
        return bytes(obj.raw) if may_try or obj.message_id is None else inert_mail(obj.message_id)
