"""Pages that keep something for their next request work while Redis is away, or say what is missing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.common.tenancy import organization_scope
from core.email_templates.models import EmailTemplate
from tests.support import factories

TEMPLATES = "/admin/email_templates/emailtemplate/"
NOT_KEPT = "This preview is not kept any more, or cannot be for a moment."


@pytest.fixture
def redis_away(settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}


@pytest.fixture
def browser(museum: Organization, signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    user = member(Role.MANAGER)
    factories.join(user, museum, Role.MANAGER)
    return signed_in(user)


@pytest.mark.usefixtures("redis_away")
def test_copies_are_made_and_the_page_says_what_it_cannot_list(
    in_florist: Organization, museum: Organization, browser: Client
) -> None:
    campaign = factories.make_campaign(in_florist)
    for path, words in (
        (reverse("admin:campaigns_campaign_copy_to_clients", args=[campaign.pk]), "open the drafts before sending"),
        (
            reverse("admin:email_templates_emailtemplate_copy_to_clients", args=[campaign.template_id]),
            "look at each copy",
        ),
    ):
        answer = browser.post(path, {"client": [str(museum.pk)], "confirmed": "1"}, follow=True)
        assert answer.status_code == 200 and words in answer.content.decode()
    with organization_scope(museum):
        assert (Campaign.objects.count(), EmailTemplate.objects.count()) == (1, 2)


@pytest.mark.usefixtures("redis_away")
def test_looks_are_shown_and_previews_say_that_they_are_not_kept(in_florist: Organization, browser: Client) -> None:
    template = factories.make_campaign(in_florist).template
    look = browser.get(f"{TEMPLATES}look/{template.pk}/")
    assert look.status_code == 200 and "<p>" in look.content.decode()
    typed = {"subject": "News", "html": "<p>Hi</p>", "client": str(in_florist.pk)}
    mail = browser.post(f"{TEMPLATES}preview/", typed).json()["mail"]
    frame = browser.get(mail["frame_url"])
    assert frame.status_code == 404 and NOT_KEPT in frame.content.decode()
    assert "sandbox" in frame["Content-Security-Policy"]
    report = browser.get(reverse("admin:report_preview_frame", args=["x" * 22]))
    assert report.status_code == 404 and NOT_KEPT in report.content.decode()


@pytest.mark.usefixtures("redis_away")
@pytest.mark.parametrize("name", ["campaigns_campaign_copied", "email_templates_copy_result"])
def test_result_that_is_not_kept_is_not_found(in_florist: Organization, browser: Client, name: str) -> None:
    assert browser.get(reverse(f"admin:{name}", args=["x" * 22])).status_code == 404
