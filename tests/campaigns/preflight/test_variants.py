"""Preflight of an A/B test: every check that reads a mail reads each variant, and says which one it means."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.accounts.models import Organization
from core.campaigns.models import ABTest, Campaign, CampaignVariant
from core.campaigns.preflight import Case, Problem, campaign_problems, checklist
from core.campaigns.preflight.registry import Needs, Reads, checks
from core.campaigns.queries import campaign_audience
from core.campaigns.shown_checks import shown_checklist
from core.common.tenancy import organization_scope
from core.email_templates import inspection
from core.email_templates.models import Markup
from tests.campaigns.preflight.test_checks import WAY_OUT, campaign_with
from tests.support import factories

FINE = '<p>Hello</p><a href="https://shop.example/a">see</a>' + WAY_OUT


def tried(organization: Organization, *variants: dict[str, Any], html: str = FINE, **fields: Any) -> Campaign:
    """A campaign with these variants; `html` of one gives it a template of its own."""
    campaign = campaign_with(organization, html, **fields)
    ABTest.objects.create(organization=organization, campaign=campaign)
    for number, found in enumerate(variants, start=1):
        own = dict(found)
        if "html" in own:
            own["template"] = factories.make_template(organization, f"Own {number}", html=own.pop("html"))
        own.setdefault("subject", f"Subject {number}")
        CampaignVariant.objects.create(organization=organization, campaign=campaign, number=number, **own)
    return Campaign.objects.select_related("template", "organization").get(pk=campaign.pk)


def of_check(campaign: Campaign, code: str) -> list[Problem]:
    one = next(check for check in checks() if check.code == code)
    return list(one.problems(Case(campaign, campaign_audience(campaign))))


@pytest.mark.parametrize(
    ("code", "variant", "words"),
    [
        ("merge_tags", {"html": "<p>\n{{ contact.frist_name }}</p>" + WAY_OUT}, "HTML, line 2"),
        ("merge_tags", {"subject": "{{ contact.frist_name }}"}, "Subject"),
        ("no_unsubscribe", {"html": "<p>None</p>"}, "The template “Own 2” has no unsubscribe link"),
        ("inbox_row", {"subject": "RE: hello"}, ""),
        ("pictures", {"html": '<img src="https://shop.example/a.png">' + WAY_OUT}, "1 picture has no alt text"),
        ("size", {"html": f"<p>{'x' * 110_000}</p>" + WAY_OUT}, "Gmail cuts off"),
        ("links_broken", {"html": '<a href="https://https://x">y</a>' + WAY_OUT}, "begins with http twice"),
        ("links", {"html": '<a href="http://shop.example/">y</a>' + WAY_OUT}, "is not encrypted"),
        ("spam_words", {"html": "<p>Act now, winner: 100% free cash, risk-free</p>" + WAY_OUT}, "The text holds"),
        ("sender", {"from_email": "nobody"}, "is no email address"),
        ("domain", {"from_email": "a@elsewhere.example"}, "elsewhere.example is no sending domain"),
    ],
)
def test_problem_of_one_variant_is_found_and_named(
    in_florist: Organization, code: str, variant: dict[str, Any], words: str
) -> None:
    campaign = tried(in_florist, {}, variant)

    problems = [one for one in of_check(campaign, code) if words in one.message and not one.message.startswith("Both")]

    assert problems and all(one.message.startswith("Variant B: ") for one in problems)
    assert [
        one for one in of_check(campaign, code) if one.message.startswith("Variant A") and words in one.message
    ] == []


def test_problem_of_several_variants_is_said_once(in_florist: Organization) -> None:
    broken = {"html": '<a href="https://https://x">y</a>' + WAY_OUT}
    campaign = tried(in_florist, {}, broken, broken)

    assert [one.message[:18] for one in of_check(campaign, "links_broken")] == ["Variants B and C: "]
    CampaignVariant.objects.filter(number=1).delete()
    assert [one.message[:15] for one in of_check(campaign, "links_broken")] == ["Both variants: "]


def test_own_content_of_a_campaign_with_a_test_is_not_judged_nobody_gets_it(in_florist: Organization) -> None:
    campaign = tried(in_florist, {"html": FINE}, {"html": FINE}, html='<a href="https://https://x">y</a>')

    assert of_check(campaign, "links_broken") == []


def test_another_clients_host_in_one_variant_is_a_stop(in_florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        Organization.objects.filter(pk=museum.pk).update(web_hosts=["museum-shop.example"])
    campaign = tried(in_florist, {}, {"html": '<a href="https://museum-shop.example/">y</a>' + WAY_OUT})

    (problem,) = of_check(campaign, "wrong_client")

    assert problem.message.startswith("Variant B: A link leads to museum-shop.example")
    assert problem in campaign_problems(campaign)


def test_missing_values_name_the_variants_and_scan_the_audience_once(in_florist: Organization) -> None:
    campaign = tried(
        in_florist,
        {},
        {"html": "{{ contact.company }}" + WAY_OUT},
        {"html": "{{ contact.company }} {{ contact.phone }}" + WAY_OUT},
    )
    case = Case(campaign, campaign_audience(campaign))
    check = next(one for one in checks() if one.code == "missing_values")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        company, phone = check.problems(case)

    assert company.message.startswith("Variants B and C: 1 person has no company")
    assert phone.message.startswith("Variant C: 1 person has no phone")
    assert company.template_id == case.variants[1].template_id
    assert sum("count(*) FILTER" in query["sql"] for query in queries) == 1


def test_fixes_lead_to_what_the_variant_is_made_of(in_florist: Organization) -> None:
    campaign = tried(
        in_florist, {"subject": "RE: hello"}, {"html": '<a href="https://https://x">y</a>' + WAY_OUT, "subject": "Two"}
    )
    items = checklist(Case(campaign, campaign_audience(campaign)))

    shown = shown_checklist(items, campaign, lambda _: True)
    lines = [line for check in shown.open for line in check.lines]

    broken = next(line for line in lines if "begins with http twice" in line.message)
    assert str(CampaignVariant.objects.get(number=2).template_id) in broken.fix_url
    (row,) = (check for check in shown.open if check.title == "Subject and preheader read well")
    assert row.lines[-1].fix_url.endswith(f"{campaign.pk}/ab-test/")


def test_same_html_with_five_subjects_is_taken_apart_once(in_florist: Organization) -> None:
    campaign = tried(in_florist, *[{} for _ in range(5)], html=FINE + "<p>never seen before: 7c1</p>")
    inspection._looked_through.cache_clear()

    checklist(Case(campaign, campaign_audience(campaign)))

    assert inspection._looked_through.cache_info().misses == 1


def test_more_variants_ask_no_more_of_the_database(in_florist: Organization) -> None:
    campaign = tried(in_florist, {}, {})
    counts = []
    for more in ((), (3, 4, 5)):
        for number in more:
            CampaignVariant.objects.create(organization=in_florist, campaign=campaign, number=number, subject="x")
        case = Case(campaign, campaign_audience(campaign))
        with CaptureQueriesContext(connection) as queries:
            checklist(case)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_every_check_says_whether_it_reads_a_mail() -> None:
    """A new check about content or sender that forgets the variants is noticed here."""
    reading = {one.code for one in checks() if one.where in ("what", "from", "domain") and one.needs is Needs.DRAFT}

    assert {one.code for one in checks() if one.reads is not Reads.NOTHING} == reading


def test_lines_are_those_of_the_mjml_that_the_author_wrote(in_florist: Organization) -> None:
    mjml = f"""<mjml><mj-body><mj-section><mj-column>
<mj-text>
  <p>Dear {{{{ contact.frist_name }}}}</p>
</mj-text>
<mj-image src="https://shop.example/a.png" />
<mj-button href="http://shop.example/">Buy</mj-button>
<mj-text>{WAY_OUT}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""
    campaign = factories.make_campaign(in_florist, group=factories.make_group(in_florist, "Mjml", []))
    template = campaign.template
    template.markup, template.html = Markup.MJML, mjml
    template.save()
    campaign = Campaign.objects.select_related("template", "organization").get(pk=campaign.pk)
    assert of_check(campaign, "merge_tags")[0].message.startswith("MJML, line 3:")
    assert "(line 5 of the MJML)" in of_check(campaign, "pictures")[0].message
    assert of_check(campaign, "links")[0].message.startswith("Link in line 6 of the MJML:")
