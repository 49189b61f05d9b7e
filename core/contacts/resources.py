"""django-import-export's view of contacts: the columns of an export.

An import shows its first rows by `first_rows.py` and goes by COPY (`imports/runner.py`), with the same RowParser.
"""

from collections.abc import Iterable
from typing import Any

from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.results import Result

from core.contacts.imports.columns import ATTRIBUTE
from core.contacts.models import Contact, ContactGroup, Segment, SignupRequest, Suppression
from core.contacts.queries import contact_attribute_names
from core.contacts.segments import segment_sentences

_EXPORTED = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "company",
    "time_zone",
    "language",
    "status",
    "tags",
    "groups",
    "source",
    "consent_at",
    "consent_basis",
    "consent_source",
    "created_at",
    "last_opened_at",
    "last_clicked_at",
)


class _AttributeField(Field):
    """A custom field as a column of its own, headed so that an import finds it again."""

    def __init__(self, name: str) -> None:
        super().__init__(column_name=name, readonly=True)
        self.name = name

    def get_value(self, instance: Any) -> Any:
        return instance.attributes.get(self.name)


class ContactResource(ModelResource):
    """Columns of an export. `organization_ids` are the clients whose custom fields become columns."""

    groups = Field(column_name="groups", readonly=True)

    class Meta:
        model = Contact
        fields = _EXPORTED
        export_order = _EXPORTED
        name = "Contacts"

    def __init__(self, organization_ids: Iterable[Any] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        names = {name for pk in organization_ids for name in contact_attribute_names(organization_id=pk)}
        for name in sorted(names - set(_EXPORTED)):
            self.fields[ATTRIBUTE + name] = _AttributeField(name)

    def dehydrate_groups(self, contact: Contact) -> list[str]:
        """By name; the list of contacts fetches them with its rows."""
        return sorted(membership.group.name for membership in contact.group_memberships.all())

    def import_data(self, dataset: Any, *args: Any, **kwargs: Any) -> Result:
        """Refused: contacts come in through an import, which previews, counts and keeps what it refuses."""
        raise NotImplementedError("Contacts are imported by core.contacts.services.import_confirm.")


class SuppressionResource(ModelResource):
    """Columns of an exported suppression list; of a hash its own digits."""

    address = Field(column_name="address", readonly=True)
    group = Field(column_name="only_for_group", readonly=True)

    class Meta:
        model = Suppression
        fields = export_order = ("address", "kind", "reason", "group", "note", "created_at")
        name = "Suppressions"

    def dehydrate_address(self, suppression: Suppression) -> str:
        return suppression.email or suppression.key.partition(":")[2]

    def dehydrate_group(self, suppression: Suppression) -> str:
        return suppression.group.name if suppression.group else ""


class GroupResource(ModelResource):
    """Groups with the number of people in each."""

    people = Field(column_name="people", readonly=True)

    class Meta:
        model = ContactGroup
        fields = export_order = ("name", "description", "people", "is_topic", "public_name", "created_at")
        name = "Groups"

    def dehydrate_people(self, group: ContactGroup) -> int:
        """Counted in full, unlike in the list: a worker writes the file."""
        return group.group_memberships.count()


class SegmentResource(ModelResource):
    """Segments with their rule as a sentence, and the number of people when they were counted last."""

    rule = Field(column_name="who_belongs_to_it", readonly=True)

    class Meta:
        model = Segment
        fields = export_order = ("name", "description", "rule", "counted", "counted_at")
        name = "Segments"

    def dehydrate_rule(self, segment: Segment) -> str:
        return segment_sentences([segment])[segment.pk]


class SignupRequestResource(ModelResource):
    """Who asked to be subscribed, with the words they agreed to: proof of consent."""

    form = Field(column_name="form", attribute="form__name", readonly=True)
    state = Field(column_name="state", attribute="get_state_display", readonly=True)

    class Meta:
        model = SignupRequest
        fields = export_order = ("email", "form", "state", "created_at", "confirmed_at", "consent_text", "problem")
        name = "Signup requests"
