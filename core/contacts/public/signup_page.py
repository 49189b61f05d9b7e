"""The pages of a signup form: the form itself, what follows it, and the code for the client's own site."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string

from core.accounts.public_pages.frame import ANYBODY, NOBODY, public_page
from core.contacts.models import SignupForm
from core.contacts.public.links import signup_frame_url, signup_stamp, signup_url
from core.contacts.public.validation import AGREE, HONEYPOT, STAMP, Answer, AskedField, asked_fields
from core.contacts.public.wording import Wording, wording_in

FRAME_HEIGHT_BASE = 470
FRAME_HEIGHT_PER_FIELD = 92
"""Pixels of a frame, so that the form fits without a second scroll bar on a narrow page."""


def wording_of(form: SignupForm) -> Wording:
    return wording_in(form.language).filled(client=form.organization.name)


def form_page(
    form: SignupForm,
    *,
    answer: Answer | None = None,
    notice: str = "",
    embedded: bool = False,
    framed_by: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The form, empty or with an answer that is not complete yet. An embedded one may be framed by anybody."""
    words = wording_of(form)
    return public_page(
        "contacts/public/signup.html",
        wording=words,
        organization=form.organization,
        status=status,
        framed_by=framed_by or (ANYBODY if embedded else NOBODY),
        embedded=embedded,
        notice=notice,
        stamp=signup_stamp(form.pk),
        **_fields(form, words, answer),
    )


def _fields(form: SignupForm, words: Wording, answer: Answer | None) -> dict[str, Any]:
    answer = answer or Answer(typed={})
    asked = asked_fields(form, words)
    return {
        "form": form,
        "names": {"honeypot": HONEYPOT, "stamp": STAMP, "agree": AGREE},
        "email": answer.typed.get("email", ""),
        "email_error": answer.errors.get("email", ""),
        "agreed": answer.typed.get(AGREE) == "yes",
        "agree_error": answer.errors.get(AGREE, ""),
        "questions": [
            {"field": item, "value": answer.typed.get(item.key, ""), "error": answer.errors.get(item.key, "")}
            for item in asked
        ],
        "problems": _problems(asked, words, answer),
    }


def _problems(asked: Sequence[AskedField], words: Wording, answer: Answer) -> list[tuple[str, str]]:
    """The id of the input and the sentence, in the order of the page: the summary above the form leads to each."""
    ids = {"email": "f-email", **{item.key: item.html_id for item in asked}, AGREE: "f-agree"}
    return [(html_id, answer.errors[name]) for name, html_id in ids.items() if name in answer.errors]


def message_page(
    form: SignupForm, title: str, *texts: str, embedded: bool = False, status: int = 200, **context: Any
) -> HttpResponse:
    """A page that says one thing in the form's language."""
    return public_page(
        "contacts/public/message.html",
        wording=wording_of(form),
        organization=form.organization,
        status=status,
        framed_by=ANYBODY if embedded else NOBODY,
        embedded=embedded,
        title=title,
        texts=texts,
        **context,
    )


def html_snippet(form: SignupForm) -> str:
    """A plain form for the client's own site. It has no stamp of time, so its answers are shown once more here."""
    words = wording_of(form)
    context = {"words": words, "address": signup_url(form.pk), **_fields(form, words, None)}
    return render_to_string("contacts/public/snippet.html", context).strip()


def frame_snippet(form: SignupForm) -> str:
    """The form in a frame."""
    height = FRAME_HEIGHT_BASE + FRAME_HEIGHT_PER_FIELD * len(form.asked_fields)
    context = {"form": form, "address": signup_frame_url(form.pk), "height": height}
    return render_to_string("contacts/public/frame_snippet.html", context).strip()
