"""Made-up contacts: as many as asked for, once, plain to see as made up, and whole in every table."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import generated
from core.contacts.models import Contact, ContactGroupMembership, ContactSearch
from core.contacts.search import search_contacts
from core.contacts.suppression_keys import address_hash
from core.delivery.models import DeliveryBatch, Message
from core.subscriptions.choices import Metric
from core.subscriptions.models import Usage
from core.tracking.models import AnalyticsEvent
from tests.support import factories


def _generate(count: int, *arguments: str) -> str:
    out = StringIO()
    call_command("generate_contacts", str(count), *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_generate_twice_adds_once_and_counts_against_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generated, "CHUNK", 400)
    said = _generate(1_000, "--campaigns", "2", "--messages", "400")
    assert "1,000 contacts and 400 mails added, all of them made up" in said
    assert "0 contacts and 0 mails added" in _generate(1_000, "--campaigns", "2", "--messages", "400")
    with all_organizations(reason="a test looks from above"):
        assert Contact.objects.count() == ContactSearch.objects.count() == 1_000
        assert Usage.objects.get(metric=Metric.CONTACTS).used == 1_000
        assert not Contact.objects.exclude(email_key__endswith=".example").exists()
        contact = Contact.objects.order_by("?").first()
        assert contact.address_hash == address_hash(contact.email_key)
        assert search_contacts(Contact.objects.all(), contact.email_key).get() == contact
        assert ContactGroupMembership.objects.filter(group__name="Newsletter").count() in range(500, 700)
        assert sum(DeliveryBatch.objects.values_list("accepted_count", flat=True)) == Message.objects.count() == 400
        assert AnalyticsEvent.objects.count() > 100


@pytest.mark.django_db(transaction=True)
def test_generate_more_keeps_what_is_there(florist: Organization) -> None:
    with organization_scope(florist):
        mine = factories.make_contact(florist)
    _generate(50, "--client", "florist")
    _generate(80, "--client", "florist")
    with organization_scope(florist):
        assert Contact.objects.count() == 81
        assert Contact.objects.filter(pk=mine.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_generate_past_the_plan_is_refused() -> None:
    organization = factories.make_organization("Small", plan=factories.make_plan(max_contacts=10))
    with pytest.raises(CommandError, match="10"):
        _generate(50, "--client", "small")
    with organization_scope(organization):
        assert not Contact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_generate_in_production_asks_for_yes() -> None:
    with override_settings(SETTINGS_MODULE="core.settings.prod"), pytest.raises(CommandError, match="production"):
        _generate(50)


@pytest.mark.django_db(transaction=True)
def test_generate_for_unknown_client_is_refused() -> None:
    with pytest.raises(CommandError, match="nobody"):
        _generate(50, "--client", "nobody")
