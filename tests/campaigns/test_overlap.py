"""Groups and segments side by side: sizes, and what they have in common."""

from core.accounts.models import Organization
from core.campaigns.overlap import SourceSize, chosen_sources, source_sizes
from core.common.tenancy import organization_scope
from core.contacts.models import Segment
from tests.support import factories

TAGGED = {"all": [{"field": "tags", "is": "any_of", "value": ["vip"]}]}


def test_sizes_and_overlap_of_groups_segments_and_what_is_left_out(in_florist: Organization) -> None:
    people = [factories.make_contact(in_florist, tags=["vip"] if n < 3 else []) for n in range(6)]
    one = factories.make_group(in_florist, "One", people[:4])
    two = factories.make_group(in_florist, "Two", people[3:])
    gone = factories.make_group(in_florist, "Gone", [people[0], factories.make_contact(in_florist)])
    segment = Segment.objects.create(organization=in_florist, name="VIPs", rule=TAGGED)

    sizes = source_sizes(in_florist.pk, chosen_sources(([one.pk, two.pk], [gone.pk]), ([segment.pk], [])))

    assert sizes == [
        SourceSize("One", False, 4, 4),  # three are VIPs, the fourth is in Two
        SourceSize("Two", False, 3, 1),
        SourceSize("VIPs", False, 3, 3),
        SourceSize("Gone", True, 2, 1),
    ]


def test_groups_of_another_client_are_not_there(museum: Organization, in_florist: Organization) -> None:
    with organization_scope(museum):
        foreign = factories.make_group(museum, "Canary", [factories.make_contact(museum)])

    assert chosen_sources(([foreign.pk], []), ([], [])) == []
