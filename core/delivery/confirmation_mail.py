"""The mail that asks somebody to confirm a subscription: the client's brand, the form's language, nothing counted."""

from django.template.loader import render_to_string

from core.accounts.public_pages.frame import brand_colors
from core.contacts.models import SignupForm, SignupRequest
from core.contacts.public.links import confirm_url
from core.contacts.public.signup_page import wording_of
from core.delivery.transports.base import MailContent, Recipient
from core.domains.queries import signing_key
from core.email_templates.merge_tags import Escape, MergeTemplate, Slot

CONFIRM_KEY = "system.confirm_url"
_PLACE = "https://confirm.invalid/place"
"""Stands in the rendered mail where each person's own link goes; a client's words cannot become a merge tag."""
_HEADERS: dict[str, MergeTemplate | str] = {
    "Auto-Submitted": "auto-generated",  # RFC 3834: no vacation notice answers it
    "X-Auto-Response-Suppress": "All",  # the same for Exchange
}


def confirmation_content(form: SignupForm) -> MailContent:
    """What the confirmation mails of one form share. The client is `form.organization`, with a sender address."""
    client = form.organization
    words = wording_of(form).filled(title=form.title)
    color, text_color = brand_colors(client)
    context = {"words": words, "client": client, "color": color, "text_color": text_color, "link": _PLACE}
    return MailContent(
        subject=MergeTemplate((words.mail_subject,)),
        html=_with_link(render_to_string("delivery/confirmation.html", context), Escape.HTML),
        text=_with_link(render_to_string("delivery/confirmation.txt", context), Escape.TEXT),
        from_name=client.default_from_name or client.name,
        from_email=client.default_from_email,
        reply_to="",
        message_id_domain=client.default_from_email.rpartition("@")[2],
        headers=_HEADERS,
        dkim=signing_key(client.pk, client.default_from_email),
    )


def confirmation_recipient(request: SignupRequest) -> Recipient:
    """One person's copy. It stands in no ledger of a campaign."""
    return Recipient(request.pk, request.email, "", {CONFIRM_KEY: confirm_url(request.pk)}, in_ledger=False)


def _with_link(rendered: str, escape: Escape) -> MergeTemplate:
    """The literal text with a slot wherever the link stands."""
    first, *others = rendered.split(_PLACE)
    segments: list[str | Slot] = [first]
    for literal in others:
        segments += [Slot(CONFIRM_KEY, "", escape), literal]
    return MergeTemplate(tuple(segments))
