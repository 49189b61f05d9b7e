"""Filters of the list of contacts. None of them counts, and none loads more than a screenful of choices."""

import datetime
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from core.accounts.model_admins.rights import access_of
from core.common.errors import DomainError
from core.contacts.models import ContactGroupMembership, ContactImport, ContactTag, Segment
from core.contacts.search import tagged_contacts
from core.contacts.segments.compile import rule_sql
from core.contacts.segments.people import segment_filter

SHOWN_CHOICES = 200
SHOWN_IMPORTS = 50
ONE_DAY = datetime.timedelta(days=1)
KEY_SLACK = ONE_DAY
"""Between a key and the time beside it lie at most a long transaction and two clocks."""
CLOCKS = datetime.timedelta(seconds=10)
"""How far the clocks of the database and of the web server may be apart."""
FIRST_DAY, LAST_DAY = datetime.date(1971, 1, 1), datetime.date(9000, 1, 1)


class GroupFilter(DropdownFilter):
    """One of any number of groups, found by typing."""

    title = "group"
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self._request, self._model_admin = request, model_admin
        return []

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        yield {
            "form": AutocompleteDropdownForm(
                request=self._request,
                label="Group",
                name=self.parameter_name,
                choices=(),
                field=ContactGroupMembership._meta.get_field("group"),
                model_admin=self._model_admin,
                data={self.parameter_name: self._group_id()},
            )
        }

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """A join, not a subquery: a contact is in a group once, and the memberships' own order is that of the list."""
        if not self.value():
            return queryset
        group_id = self._group_id()
        if group_id is None:
            return queryset.none()
        return queryset.filter(group_memberships__in=ContactGroupMembership.objects.filter(group_id=group_id))

    def _group_id(self) -> UUID | None:
        return as_uuid(self.value())


class TagFilter(DropdownFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = list(ContactTag.objects.order_by("name").values_list("name", flat=True).distinct()[:SHOWN_CHOICES])
        asked = request.GET.get(self.parameter_name, "")
        return [(name, name) for name in (names if asked in names or not asked else [asked, *names])]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return tagged_contacts(queryset, self.value().replace("\x00", "")) if self.value() else queryset


class ImportFilter(DropdownFilter):
    """The contacts that one of the last imports brought."""

    title = "import"
    parameter_name = "import"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (str(pk), f"{name} · {created_at:%Y-%m-%d}")
            for pk, name, created_at in ContactImport.objects.order_by("-id").values_list(
                "pk", "file_name", "created_at"
            )[:SHOWN_IMPORTS]
        ]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        import_id = as_uuid(self.value())
        found = ContactImport.objects.filter(pk=import_id).first() if import_id else None
        return queryset.filter(brought_by(found)) if found else queryset.none()


class SegmentFilter(DropdownFilter):
    """Whoever is in a segment now. Not counted: a rule over behaviour may take seconds for all, a page does not."""

    title = "segment"
    parameter_name = "segment"
    is_counted = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        segments = Segment.objects.select_related("organization").order_by("name")[:SHOWN_CHOICES]
        one_client = access_of(request).current
        return [
            (str(segment.pk), segment.name if one_client else f"{segment.name} · {segment.organization}")
            for segment in segments
        ]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        segment_id = as_uuid(self.value())
        segment = Segment.objects.filter(pk=segment_id).first() if segment_id else None
        if segment is None:
            return queryset.none()
        try:
            rule_sql(segment.organization_id, segment.rule)
        except DomainError as error:
            messages.error(request, str(error))
            return queryset.none()
        return segment_filter(queryset, segment)


class FlagFilter(DropdownFilter):
    title = "kind of address"
    parameter_name = "address"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("role", "Role address, such as info@"), ("disposable", "Disposable address")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        conditions = {"role": Q(is_role_address=True), "disposable": Q(is_disposable_address=True)}
        return queryset.filter(conditions[self.value()]) if self.value() in conditions else queryset


class ConsentFilter(DropdownFilter):
    title = "consent"
    parameter_name = "consent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("missing", "No legal basis stated")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(consent_basis="") if self.value() == "missing" else queryset


class CreatedFilter(RangeDateFilter):
    """Days on which contacts came, first and last one included; what is no day narrows nothing.

    Keys carry the time they were made (RFC 9562), so that a range of days is a range of the list's own index. Only the
    demo's contacts are older than their keys say: it moved them back in time.
    """

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        first, last = (self._day(f"{self.parameter_name}_{end}") for end in ("from", "to"))
        if first:
            begins = _midnight(first)
            queryset = queryset.filter(created_at__gte=begins, pk__gte=_key_at(begins - KEY_SLACK))
        if last:
            ends = _midnight(last + ONE_DAY)
            queryset = queryset.filter(created_at__lt=ends)
            if not any(organization.is_demo for organization in access_of(request).in_reach):
                queryset = queryset.filter(pk__lt=_key_at(ends + KEY_SLACK))
        return queryset

    def _day(self, name: str) -> datetime.date | None:
        try:
            day = parse_date(str(self.used_parameters.get(name) or ""))
        except ValueError:
            return None
        return min(max(day, FIRST_DAY), LAST_DAY) if day else None


def brought_by(contact_import: ContactImport) -> Q:
    """The contacts that an import created: of its source, with keys of the time between its upload and its end."""
    made_here = Q(source=import_source(contact_import.file_name)) & Q(
        pk__gte=_key_at(contact_import.created_at - CLOCKS)
    )
    if contact_import.finished_at is None:
        return made_here
    return made_here & Q(pk__lt=_key_at(contact_import.finished_at + CLOCKS))


def import_source(file_name: str) -> str:
    """What contacts of an import have as their source (imports/chunks.py)."""
    return f"Import {file_name}"[:100]


def _midnight(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))


def _key_at(moment: datetime.datetime) -> UUID:
    """The lowest key of that millisecond: its first 48 bits are the time."""
    return UUID(int=int(moment.timestamp() * 1_000) << 80)


def as_uuid(text: Any) -> UUID | None:
    """The id that an address names; None for anything else."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
