"""Rules of segments: hostile until read, one meaning in SQL and in words."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.common.tenancy import OrganizationMismatch, all_organizations, organization_scope
from core.contacts.errors import BadRule
from core.contacts.models import Contact, ContactField, ContactSearch, ImportedChunk
from core.contacts.segments import check_rule, parse_rule, people_sql, rule_json, rule_sentence, rule_sql
from core.contacts.segments.rules import MAX_CONDITIONS, MAX_DEPTH
from tests.contacts.segment_world import World, everything, fits, make_world, rule_documents
from tests.support import factories

LONG = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ANA = {"field": "first_name", "is": "is", "value": "Ana"}


@pytest.fixture
def world(in_florist: Organization) -> World:
    in_florist.time_zone = "America/New_York"
    in_florist.save()
    return make_world(in_florist)


def people(organization: Organization, rule: Any, **options: Any) -> set[UUID]:
    sql, parameters = rule_sql(organization.pk, rule, **options)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT contact.id FROM contacts_contact AS contact WHERE contact.organization_id = %s AND {sql}",
            [organization.pk, *parameters],
        )
        return {row[0] for row in cursor.fetchall()}


def listed(organization: Organization, rule: Any) -> list[UUID]:
    sql, parameters = people_sql(organization.pk, rule)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def problems_of(document: Any) -> dict[str, str]:
    with pytest.raises(BadRule) as refused:
        parse_rule(document)
    return {problem.path: problem.message for problem in refused.value.problems}


# Meaning


def test_random_rules_find_the_people_that_a_slow_reading_finds(world: World) -> None:
    @LONG
    @given(rule=rule_documents(world))
    def check(rule: dict[str, Any]) -> None:
        expected = {person.pk for person in world.people if fits(rule, person, world)}
        assert people(world.organization, rule) == expected
        found = listed(world.organization, rule)
        assert set(found) == expected
        assert len(found) == len(expected)

    check()


def test_random_rules_survive_the_way_through_json(world: World) -> None:
    @LONG
    @given(rule=rule_documents(world))
    def check(rule: dict[str, Any]) -> None:
        parsed = parse_rule(rule)
        assert parse_rule(json.loads(json.dumps(rule_json(parsed)))) == parsed

    check()


def test_every_condition_compiles_reads_as_a_sentence_and_is_the_clients_own(world: World) -> None:
    for document in everything(world):
        rule = parse_rule({"all": [document]})
        people(world.organization, rule)
        words = rule_sentence(world.organization.pk, rule)
        assert words.startswith("People who"), words
        assert words.endswith(".")
        assert "None" not in words
        assert "{" not in words


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"all": [ANA]}, "People whose first name is “Ana”."),
        (
            {"all": [ANA, {"field": "tags", "is": "none_of", "value": ["vip", "old"]}]},
            "People whose first name is “Ana” and who are not tagged “vip” or “old”.",
        ),
        (
            {"any": [{"field": "opened", "is": "did", "campaign": "last", "last": 3}, {"all": [ANA]}]},
            "People who opened any of the last 3 campaigns or whose first name is “Ana”.",
        ),
        (
            {"none": [{"field": "clicked", "is": "did", "campaign": "any", "days": 90}]},
            "Everybody except people who clicked in any campaign in the last 90 days.",
        ),
        (
            {"all": [ANA, {"none": [{"field": "status", "is": "is", "value": "bounced"}, ANA]}]},
            "People whose first name is “Ana” and not (whose status is “Bounced” or whose first name is “Ana”).",
        ),
        (
            {"all": [{"field": "created_at", "is": "after", "value": "2026-05-31"}]},
            "People who were added after 31 May 2026.",
        ),
        (
            {"all": [{"field": "is_role_address", "is": "is", "value": False}]},
            "People whose address is not a role address.",
        ),
        (
            {"all": [{"field": "language", "is": "in_list", "value": list("abcdefg")}]},
            "People whose language is “a”, “b”, “c”, “d”, “e” or 2 more.",
        ),
    ],
)
def test_rule_reads_as_this_sentence(in_florist: Organization, rule: dict[str, Any], expected: str) -> None:
    assert rule_sentence(in_florist.pk, rule) == expected


def test_sentence_calls_groups_campaigns_and_fields_by_their_names(in_florist: Organization) -> None:
    ContactField.objects.create(organization=in_florist, key="city", label="Town")
    campaign, group = (
        factories.make_campaign(in_florist, name="Spring offer"),
        factories.make_group(in_florist, "Buyers"),
    )
    rule = {
        "all": [
            {"field": "sent", "is": "did_not", "campaign": str(campaign.pk)},
            {"field": "groups", "is": "any_of", "value": [str(group.pk), str(uuid4())]},
            {"field": "attribute.city", "is": "contains", "value": "Vi"},
        ]
    }
    assert rule_sentence(in_florist.pk, rule) == (
        "People who were not sent “Spring offer” and who are in the group “Buyers” or “one that is gone” "
        "and whose Town contains “Vi”."
    )


def test_deleted_contacts_are_not_listed(in_florist: Organization) -> None:
    from django.utils import timezone

    here = factories.make_contact(in_florist, first_name="Ana")
    gone = factories.make_contact(in_florist, first_name="Ana", deleted_at=timezone.now())
    group = factories.make_group(in_florist, contacts=[here, gone])
    belongs = {"field": "groups", "is": "any_of", "value": [str(group.pk)]}
    for rule in ({"all": [ANA]}, {"all": [belongs]}, {"any": [belongs, ANA]}, {"all": [belongs, ANA]}):
        assert listed(in_florist, rule) == [here.pk]


def test_rule_without_conditions_fits_nobody(in_florist: Organization) -> None:
    factories.make_contact(in_florist)
    assert people(in_florist, {}) == set()
    assert listed(in_florist, {}) == []


def test_contains_reads_the_contact_itself_while_an_import_is_not_searchable_yet(in_florist: Organization) -> None:
    contact_import = _done_import(in_florist)
    contact = factories.make_contact(in_florist, first_name="Anabel")
    rule = {"all": [{"field": "first_name", "is": "contains", "value": "nabe"}]}
    ContactSearch.objects.create(organization=in_florist, contact=contact, text="stale")
    assert people(in_florist, rule) == {contact.pk}, "who gets a mail never rests on the search index"
    assert people(in_florist, rule, through_search=True) == set()
    ImportedChunk.objects.create(
        organization=in_florist, contact_import=contact_import, number=1, written_at=contact.created_at
    )
    assert people(in_florist, rule, through_search=True) == {contact.pk}


def test_contains_through_the_search_index_still_asks_the_right_field(in_florist: Organization) -> None:
    first = factories.make_contact(in_florist, first_name="Vigo")
    second = factories.make_contact(in_florist, company="Vigo")
    for contact in (first, second):
        ContactSearch.objects.create(organization=in_florist, contact=contact, text="vigo")
    rule = {"all": [{"field": "company", "is": "contains", "value": "VIG"}]}
    assert people(in_florist, rule, through_search=True) == {second.pk}


def _done_import(organization: Organization) -> Any:
    from core.contacts.models import ContactImport

    return ContactImport.objects.create(organization=organization, file_name="a.csv")


# Hostile documents


@pytest.mark.parametrize(
    "document",
    [
        None, [], "all", 7, {}, {"all": {}}, {"all": "x"}, {"some": []}, {"all": [], "any": []}, {"all": []},
        {"all": [None]}, {"all": [[]]}, {"all": [{}]}, {"all": [{"field": "password", "is": "is", "value": "x"}]},
        {"all": [{"field": {}, "is": "is", "value": "x"}]}, {"all": [{"field": "email", "is": [], "value": "x"}]},
        {"all": [{"field": "email", "is": "greater", "value": 1}]}, {"all": [{"field": "email", "is": "is"}]},
        {"all": [{"field": "email", "is": "is", "value": 5}]}, {"all": [{"field": "email", "is": "is", "value": " "}]},
        {"all": [{"field": "email", "is": "is", "value": "a\0b"}]},
        {"all": [{"field": "email", "is": "is", "value": "\ud800"}]},
        {"all": [{"field": "email", "is": "is", "value": "x" * 400}]},
        {"all": [{"field": "email", "is": "is", "value": "x", "sql": "1=1"}]},
        {"all": [{"field": "email", "is": "in_list", "value": []}]},
        {"all": [{"field": "email", "is": "in_list", "value": ["a"] * 600}]},
        {"all": [{"field": "first_name", "is": "empty", "value": "x"}]},
        {"all": [{"field": "status", "is": "is", "value": "hungry"}]},
        {"all": [{"field": "status", "is": "in_list", "value": ["subscribed", "hungry"]}]},
        {"all": [{"field": "created_at", "is": "before", "value": "2026-02-30"}]},
        {"all": [{"field": "created_at", "is": "before", "value": "0001-01-01"}]},
        {"all": [{"field": "created_at", "is": "in_last", "value": 0}]},
        {"all": [{"field": "created_at", "is": "in_last", "value": True}]},
        {"all": [{"field": "created_at", "is": "in_last", "value": 10**30}]},
        {"all": [{"field": "is_role_address", "is": "is", "value": "yes"}]},
        {"all": [{"field": "attribute.x'; DROP TABLE", "is": "is", "value": "x"}]},
        {"all": [{"field": "attribute.", "is": "is", "value": "x"}]},
        {"all": [{"field": "attribute.points", "is": "greater", "value": float("nan")}]},
        {"all": [{"field": "attribute.points", "is": "is", "value": 10**400}]},
        {"all": [{"field": "attribute.points", "is": "between", "value": [5, 1]}]},
        {"all": [{"field": "attribute.points", "is": "between", "value": [1]}]},
        {"all": [{"field": "groups", "is": "any_of", "value": ["x"]}]},
        {"all": [{"field": "groups", "is": "any_of", "value": [None]}]},
        {"all": [{"field": "opened", "is": "did"}]},
        {"all": [{"field": "opened", "is": "did", "campaign": "last"}]},
        {"all": [{"field": "opened", "is": "did", "campaign": "last", "last": 0}]},
        {"all": [{"field": "opened", "is": "did", "campaign": "any", "last": 3}]},
        {"all": [{"field": "opened", "is": "did", "campaign": "any", "days": "9"}]},
        {"all": [{"field": "opened", "is": "did", "campaign": "any", "value": 1}]},
    ],
)  # fmt: skip
def test_document_that_is_no_rule_is_refused_with_a_sentence(document: Any) -> None:
    assert all(message.endswith(".") for message in problems_of(document).values())


def test_any_json_is_a_rule_or_refused() -> None:
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
    keys = st.sampled_from(["all", "any", "none", "field", "is", "value", "campaign", "last", "days"])
    names = st.sampled_from(["email", "opened", "groups", "attribute.x", "did", "is", "in_list", "any"])
    tree = st.recursive(
        st.one_of(scalars, names),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=20,
    )

    @settings(max_examples=300, deadline=None)
    @given(document=tree)
    def check(document: Any) -> None:
        try:
            rule = parse_rule(document)
        except BadRule:
            return
        assert parse_rule(rule_json(rule)) == rule

    check()


def test_every_problem_is_told_with_its_place() -> None:
    bad = {"field": "email", "is": "is", "value": ""}
    found = problems_of({"all": [ANA, bad, {"any": [bad, ANA, {"none": []}]}]})
    assert found == {
        "1": "Write what to compare with.",
        "2.0": "Write what to compare with.",
        "2.2": "This group holds no condition. Add one or remove the group.",
    }


def test_rule_nested_too_deep_is_refused() -> None:
    document: dict[str, Any] = {"all": [ANA]}
    for _ in range(MAX_DEPTH):
        document = {"any": [document]}
    assert any("levels deep" in message for message in problems_of(document).values())


def test_rule_nested_a_thousand_times_is_refused() -> None:
    document: Any = ANA
    for _ in range(1000):
        document = {"all": [document]}
    assert any("levels deep" in message for message in problems_of(document).values())


def test_rule_with_too_many_conditions_is_refused() -> None:
    half = {"any": [ANA] * (MAX_CONDITIONS // 2 + 1)}
    assert any("at most" in message for message in problems_of({"all": [half, half]}).values())
    assert any("at most" in message for message in problems_of({"all": [ANA] * 100_000}).values())


# Other clients


def test_ids_of_another_client_match_nobody_and_are_refused(florist: Organization, museum: Organization) -> None:
    with all_organizations(reason="the test makes two clients"):
        theirs = make_world(museum)
        with organization_scope(florist):
            factories.make_contact(florist, first_name="Ana")
            for document in (
                {"field": "groups", "is": "any_of", "value": list(theirs.groups)},
                {"field": "sent", "is": "did", "campaign": theirs.campaigns[0]},
                {"field": "attribute.city", "is": "is", "value": "Vigo"},
            ):
                rule = parse_rule({"all": [document]})
                assert people(florist, rule) == set()
                assert listed(florist, rule) == []
                with pytest.raises(BadRule, match="gone"):
                    check_rule(florist.pk, rule)


def test_rule_reaches_nobody_of_another_client(florist: Organization, museum: Organization) -> None:
    with all_organizations(reason="the test makes two clients"):
        make_world(museum)
        own = factories.make_contact(florist, first_name="Somebody")
        everybody = {"none": [{"field": "first_name", "is": "is", "value": "nobody at all"}]}
        assert listed(florist, everybody) == [own.pk]


def test_rule_of_a_client_out_of_scope_is_refused(florist: Organization, museum: Organization) -> None:
    with organization_scope(florist):
        for function in (rule_sql, people_sql):
            with pytest.raises(OrganizationMismatch):
                function(museum.pk, {"all": [ANA]})


def test_comparison_that_a_custom_field_does_not_have_is_refused(in_florist: Organization) -> None:
    ContactField.objects.create(organization=in_florist, key="points", label="Points", kind="number")
    for document in (
        {"field": "attribute.points", "is": "contains", "value": "5"},
        {"field": "attribute.points", "is": "is", "value": "five"},
        {"field": "attribute.points", "is": "before", "value": "2026-01-01"},
    ):
        with pytest.raises(BadRule, match="Points"):
            check_rule(in_florist.pk, parse_rule({"all": [document]}))
    check_rule(in_florist.pk, parse_rule({"all": [{"field": "attribute.points", "is": "greater", "value": 5}]}))


def test_contacts_of_the_client_stay_the_same_number(world: World) -> None:
    """The world of these tests is what the oracle thinks it is."""
    assert Contact.objects.filter(organization=world.organization).count() == len(world.people)
