"""Pages of lists that may be millions long: by number as far as rows are counted, by key from there on.

Newest first is the order of nearly every list of ours, and its key is the primary key, which rises with time. Behind
the last counted page, and in searches and filters that are not counted at all, "Next" asks for the rows after the last
last one seen: the index finds them as quickly as it finds the first. Where an index has rows in the order of a time,
an admin names the column (`timed_by`) and orders by it: then the time comes before the key, and nothing is counted.
"""

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from core.common.paginator import COUNT_CAP, CappedPaginator

AFTER_VAR, BEFORE_VAR = "after", "before"
_NEWEST_FIRST = frozenset({"-id", "-pk"})


class ListPaginator(CappedPaginator):
    template_name = "adminsite/list_pages.html"


class LongChangeList(ChangeList):
    """`count_words` says how many rows there are as far as that is known; `previous_url` and `next_url` are "" where
    there is nothing. `is_counted` is False on pages by key and in searches."""

    is_counted: bool = True
    previous_url: str = ""
    next_url: str = ""
    first_url: str = ""
    count_words: str = ""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        for name in (AFTER_VAR, BEFORE_VAR):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_queryset(request, exclude_parameters)

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Only columns that the list offers to order by: an address may ask for others, which no index answers."""
        if self.sortable_by is not None and ORDER_VAR in self.params:
            self.params[ORDER_VAR] = ".".join(
                part for part in self.params[ORDER_VAR].split(".") if self._is_offered(part.lstrip("-"))
            )
        return super().get_ordering(request, queryset)

    def _is_offered(self, column: str) -> bool:
        known = column.isascii() and column.isdigit() and len(column) < 4 and int(column) < len(self.list_display)
        return known and self.list_display[int(column)] in self.sortable_by

    def get_results(self, request: HttpRequest) -> None:
        after, before = (self._key(request, name) for name in (AFTER_VAR, BEFORE_VAR))
        uncounted = bool(self.query or self._time()) or any(_is_uncounted(spec) for spec in self.filter_specs)
        if self._is_newest_first() and (uncounted or after or before):
            self._results_by_key(request, after, before)
        elif uncounted:
            self._results_uncounted(request)
        else:
            super().get_results(request)
            self._links_by_number()
        self.count_words = self._count_words()

    def _is_newest_first(self) -> bool:
        ordering = self.queryset.query.order_by
        return bool(ordering) and (ordering[0] in _NEWEST_FIRST or bool(self._time()))

    def _time(self) -> str:
        """The column that comes before the key in the list's order; "" for the key alone."""
        column = getattr(self.model_admin, "timed_by", "")
        return column if column and self.queryset.query.order_by[:1] == (f"-{column}",) else ""

    def _beyond(self, key: Any, side: str) -> Any:
        """The rows behind that of the key ("lt") or before it ("gt"). Raises IncorrectLookupParameters for a key that
        is needed and unknown."""
        column = self._time()
        if not column:
            return self.queryset.filter(**{f"pk__{side}": key})
        at = self.model._default_manager.filter(pk=key).values_list(column, flat=True).first()
        if at is None:
            raise IncorrectLookupParameters
        # The first condition is the one that an index takes.
        rows = self.queryset.filter(**{f"{column}__{side}e": at})
        return rows.filter(Q(**{f"{column}__{side}": at}) | Q(**{f"pk__{side}": key}))

    def _key(self, request: HttpRequest, name: str) -> Any:
        """The key in the address, None without one. Raises IncorrectLookupParameters for what is no key."""
        if not request.GET.get(name):
            return None
        try:
            return self.lookup_opts.pk.to_python(request.GET[name])
        except ValidationError as error:
            raise IncorrectLookupParameters(error) from error

    def _results_by_key(self, request: HttpRequest, after: Any, before: Any) -> None:
        if before and not after:
            order = [column for column in (self._time(), "pk") if column]
            rows = list(self._beyond(before, "gt").order_by(*order)[: self.list_per_page + 1])
            has_more, rows = len(rows) > self.list_per_page, rows[: self.list_per_page][::-1]
            has_previous, has_next = has_more, True
        else:
            queryset = self._beyond(after, "lt") if after else self.queryset
            rows = list(queryset[: self.list_per_page + 1])
            has_previous, has_next = bool(after), len(rows) > self.list_per_page
            rows = rows[: self.list_per_page]
        self._uncounted(request, rows, is_whole=not (after or before or has_next))
        if has_previous:
            self.first_url = self.get_query_string()
            self.previous_url = self.get_query_string({BEFORE_VAR: rows[0].pk}) if rows else self.first_url
        if has_next and rows:
            self.next_url = self.get_query_string({AFTER_VAR: rows[-1].pk})

    def _results_uncounted(self, request: HttpRequest) -> None:
        """A search in another order: by number, with one row more to see whether there is a next page."""
        last_page = COUNT_CAP // self.list_per_page
        if not 1 <= self.page_num <= last_page:
            raise IncorrectLookupParameters
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.queryset[start : start + self.list_per_page + 1])
        has_next = len(rows) > self.list_per_page
        self._uncounted(request, rows[: self.list_per_page], is_whole=self.page_num == 1 and not has_next)
        if self.page_num > 1:
            self.previous_url = self.get_query_string({PAGE_VAR: self.page_num - 1})
        if has_next and self.page_num < last_page:
            self.next_url = self.get_query_string({PAGE_VAR: self.page_num + 1})

    def _uncounted(self, request: HttpRequest, rows: list[Any], *, is_whole: bool) -> None:
        """What the admin's templates ask of a list, for rows that were not counted."""
        self.is_counted = is_whole
        self.result_list = rows
        self.result_count = len(rows) if is_whole else len(rows) + 1
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, rows, self.list_per_page)

    def _links_by_number(self) -> None:
        if not self.multi_page or (self.show_all and self.can_show_all):
            return
        if self.page_num > 1:
            self.previous_url = self.get_query_string({PAGE_VAR: self.page_num - 1})
        if self.page_num < self.paginator.num_pages:
            self.next_url = self.get_query_string({PAGE_VAR: self.page_num + 1})
        elif getattr(self.paginator, "is_capped", False) and self._is_newest_first():
            self.result_list = list(self.result_list)
            self.next_url = self.get_query_string({AFTER_VAR: self.result_list[-1].pk})

    def _count_words(self) -> str:
        if self.is_counted:
            return f"{self.result_count:,}{'+' if getattr(self.paginator, 'is_capped', False) else ''}"
        return f"{len(self.result_list):,}+" if self.next_url and not self.previous_url else ""

    @property
    def can_select_all(self) -> bool:
        """Is "select all" one number that people can judge?"""
        return self.is_counted and not getattr(self.paginator, "is_capped", False)


def _is_uncounted(spec: Any) -> bool:
    """A filter that is set, and whose matches are too much work to count: it says `is_counted = False`."""
    return not getattr(spec, "is_counted", True) and bool(spec.value())


class LongListAdmin(ModelAdmin):
    """Mixed into admin classes: their lists are pages of `LongChangeList`."""

    paginator: ClassVar[Any] = ListPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LongChangeList
