"""Contacts by a part of what is known of them, quick at any size.

Three ways, because none is quick for all parts: few matches come from the trigram index; parts that many contacts have
(a large mailbox provider, a frequent name) are met sooner by walking the list itself; fewer than three letters have no
trigram and are looked for at the beginning of the address. A look at the newest contacts decides between the first two.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, TextField, Value
from django.db.models.functions import Concat

from core.common import tenancy
from core.contacts.addresses import email_key_of
from core.contacts.models import ContactSearch, ImportedChunk

SEARCH_HELP = "Part of an address, name, company or phone; one or two letters: how the address begins"
SHORTEST_PART = 3
"""Trigrams are three letters long."""
MOST_WORDS = 6
LONGEST_TEXT = 200
PROBED = 10_000
"""How many of the newest contacts are looked at: under 10 ms."""
COMMON_FROM = 100
"""Of those. A part that one contact in a hundred has fills a page of 26 within some 2,600 rows of a walk."""
MOST_IDS = 1_000
"""More than these are not carried from one statement to the next."""

_MARKS = dict.fromkeys(range(0x0300, 0x0370))

# The same folding as `folded`: plain ASCII, nearly all of any list, needs only lower().
_FOLDED_SQL = """CASE WHEN {text} ~ '^[ -~]*$' THEN lower({text})
    ELSE regexp_replace(normalize(lower({text}), NFKD), '[\\u0300-\\u036f]', '', 'g') END"""
_WORDS_SQL = "concat_ws(' ', {c}.email_key, {c}.first_name, {c}.last_name, {c}.company, {c}.phone, {c}.phone_e164)"


def search_text_sql(alias: str) -> str:
    """SQL: the text by which the row `alias` of contacts_contact is found."""
    return _FOLDED_SQL.format(text=_WORDS_SQL.format(c=alias))


_REMOVE = """
DELETE FROM contacts_contactsearch AS found USING contacts_contact AS contact
 WHERE found.organization_id = %(organization)s AND found.contact_id = ANY(%(ids)s)
   AND contact.organization_id = found.organization_id AND contact.id = found.contact_id
   AND contact.deleted_at IS NOT NULL
"""
# Ordered, so that two at once cannot deadlock.
_WRITE = f"""
INSERT INTO contacts_contactsearch AS known (contact_id, organization_id, text)
SELECT contact.id, contact.organization_id, {search_text_sql("contact")}
  FROM contacts_contact AS contact
 WHERE contact.organization_id = %(organization)s AND contact.id = ANY(%(ids)s) AND contact.deleted_at IS NULL
 ORDER BY contact.id
    ON CONFLICT (contact_id) DO UPDATE SET text = excluded.text WHERE known.text <> excluded.text
"""  # noqa: S608 - built of constants
_IDS_OF_CHUNK = """
SELECT unnest(created_ids || revived_ids) FROM contacts_importedchunk WHERE organization_id = %(organization)s
   AND id = %(chunk)s
 UNION
SELECT jsonb_object_keys(before)::uuid FROM contacts_importedchunk WHERE organization_id = %(organization)s
   AND id = %(chunk)s
"""


@transaction.atomic
def contacts_reindex(*, organization_id: UUID, contact_ids: Collection[UUID]) -> None:
    """Bring what these contacts are found by up to date; deleted and erased ones are found no more.

    To be called by every write that changes address, names, company, phone or deletion, in its own transaction.
    """
    tenancy.require(organization_id)
    parameters: dict[str, Any] = {"organization": organization_id, "ids": list(contact_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE, parameters)
        cursor.execute(_WRITE, parameters)


def index_imported_chunks() -> int:
    """Make the contacts of finished chunks of imports searchable; returns how many chunks. One transaction a chunk."""
    chunks = 0
    while _index_one_chunk():
        chunks += 1
    return chunks


@transaction.atomic
def _index_one_chunk() -> bool:
    """The oldest chunk that nobody else is at; False when there is none."""
    waiting = ImportedChunk.objects.filter(is_searchable=False).order_by("id").select_for_update(skip_locked=True)
    row = waiting.values_list("pk", "organization_id").first()
    if row is None:
        return False
    chunk_id, organization_id = row
    with connection.cursor() as cursor:
        cursor.execute(_IDS_OF_CHUNK, {"organization": organization_id, "chunk": chunk_id})
        ids = [contact_id for (contact_id,) in cursor.fetchall()]
    contacts_reindex(organization_id=organization_id, contact_ids=ids)
    ImportedChunk.objects.filter(pk=chunk_id).update(is_searchable=True)
    return True


def folded(text: str) -> str:
    """Lower case, without accents: how texts are compared."""
    return unicodedata.normalize("NFKD", text.lower()).translate(_MARKS)


def search_contacts(queryset: Any, text: str) -> Any:
    """The contacts of `queryset` in which every word of `text` is found. Runs up to two short queries itself.

    Keeps the order of the queryset, which should be newest first: that is what makes the walk short.
    """
    typed = text.replace("\x00", "")[:LONGEST_TEXT].split()
    words = [folded(word) for word in typed[:MOST_WORDS]]
    if not words:
        return queryset
    if all(len(word) < SHORTEST_PART for word in words):
        return queryset.filter(email_key__startswith=email_key_of(" ".join(typed)))
    source = _text_source(words)
    if _is_common(source):
        return queryset.filter(_walked(words))
    ids = _few_ids(source)
    return queryset.filter(pk__in=_all_of(words) if ids is None else ids)


def tagged_contacts(queryset: Any, tag: str) -> Any:
    """The contacts of `queryset` with this tag. Runs up to two short queries itself.

    The planner takes a tag that few have for one that is found along the way, and walks through all of them.
    """
    source = _Source("contacts_contact", "id", "tags @> ARRAY[%(tag)s]::varchar[]", {"tag": tag})
    ids = None if _is_common(source) else _few_ids(source)
    return queryset.filter(tags__contains=[tag]) if ids is None else queryset.filter(pk__in=ids)


@dataclass(frozen=True)
class _Source:
    """Where to look: a table, its key, the condition with its parameters."""

    table: str
    key: str
    condition: str
    parameters: dict[str, Any]


def _text_source(words: Sequence[str]) -> _Source:
    parameters = {f"word{at}": f"%{connection.ops.prep_for_like_query(word)}%" for at, word in enumerate(words)}
    condition = " AND ".join(f"text LIKE %({name})s" for name in parameters)
    return _Source("contacts_contactsearch", "contact_id", condition, parameters)


def _is_common(source: _Source) -> bool:
    """Does a walk over the newest fill a page soon? True as well when there are so few contacts that any way is quick.

    Under several clients the newest of all are looked at; what few of theirs are among them says "rare", and the index
    answers.
    """
    ids = tenancy.current_scope().organization_ids
    theirs = "true" if ids is None else "organization_id = ANY(%(organizations)s)"
    inside, outside = (theirs, "true") if ids is not None and len(ids) == 1 else ("true", theirs)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE {outside} AND {source.condition}) FROM ("  # noqa: S608 - constants
            f"SELECT * FROM {source.table} WHERE {inside} ORDER BY {source.key} DESC LIMIT {PROBED}) AS newest",
            {**source.parameters, "organizations": list(ids or ())},
        )
        seen, found = cursor.fetchone()
    return seen < PROBED or found >= COMMON_FROM


def _few_ids(source: _Source) -> list[UUID] | None:
    """The matching ids when they are at most MOST_IDS, else None.

    MATERIALIZED keeps the limit from the planner: with it, it would read the whole table in the hope of a quick end.
    """
    ids = tenancy.current_scope().organization_ids
    theirs = "true" if ids is None else "organization_id = ANY(%(organizations)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH found AS MATERIALIZED (SELECT {source.key} AS id FROM {source.table}"  # noqa: S608 - constants
            f" WHERE {theirs} AND {source.condition}) SELECT id FROM found LIMIT {MOST_IDS + 1}",
            {**source.parameters, "organizations": list(ids or ())},
        )
        found = [contact_id for (contact_id,) in cursor.fetchall()]
    return found if len(found) <= MOST_IDS else None


def _walked(words: Sequence[str]) -> Q:
    """A condition that no index answers, so that the rows are tried in the order of the list."""
    tried = Concat("text", Value(""), output_field=TextField())
    texts = ContactSearch.objects.filter(contact_id=OuterRef("pk")).annotate(tried=tried)
    for word in words:
        texts = texts.filter(tried__contains=word)
    return Q(Exists(texts))


def _all_of(words: Sequence[str]) -> Any:
    texts = ContactSearch.objects.all()
    for word in words:
        texts = texts.filter(text__contains=word)
    return texts.values("contact_id")
