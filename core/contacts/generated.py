"""Made-up contacts by the million, for measurements: set by set in SQL, the same people for the same numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from core.accounts.models import Organization
from core.common import tenancy
from core.contacts.choices import FieldKind
from core.contacts.models import ContactField, ContactGroup, ContactSearch, ContactTag
from core.contacts.search import search_text_sql
from core.contacts.suppression_keys import address_hash
from core.subscriptions import usage
from core.subscriptions.choices import Metric

CHUNK = 100_000
SOURCE = "Made up (generate_contacts)"
Announce = Callable[[str], None]

FIRST_NAMES = (
    "Ada Ana Andrés Anna Antonio Bea Bruno Carla Carmen Chen Chloé Clara Daniel David Elena Emma Eva Fatima Felix "
    "Hannah Hugo Ines Irene Ivan Jana João José Julia Karim Laura Léa Lena Lucas Lucía Luis Malik Manuel Marc María "
    "Marta Max Mia Mohammed Nadia Nico Nina Noor Núria Olga Omar Paul Paula Pau Pia Rafael Rita Rosa Sara Sofía Søren "
    "Tara Theo Tomás Vera Zoë"
).split()
LAST_NAMES = (
    "Abril Alonso Bauer Becker Blanco Campos Castro Costa Cruz Díaz Durán Engel Fischer Flores Fuentes García Gil "
    "Gómez Haas Ibarra Iglesias Jansen Keller Kaya Lang León López Luna Marín Martínez Mendez Molina Mora Moreno "
    "Müller Navarro Núñez Ortega Pascual Pérez Pino Prieto Ramos Reyes Ríos Rodríguez Rojas Romero Roth Rubio Ruiz "
    "Sánchez Sanz Serra Silva Soler Soto Torres Vega Vidal Weber Winter Wolf Zapata"
).split()
MAILBOXES = ("gardenmail.example", "postbox.example", "inbox.example", "correo.example", "lettera.example")
TRADES = ("bakery", "studio", "clinic", "hotel", "legal", "energy", "school", "travel", "motors", "design")
ROLES = ("info", "office", "sales", "kontakt")

# Share of contacts in a thousand, or of a thousandth of them: from nearly everybody to a handful.
TAGS = (("newsletter", 600_000), ("customer", 300_000), ("vip", 20_000), ("trade fair", 1_000), ("beta tester", 10))
GROUPS = (("Newsletter", 600_000), ("Customers", 200_000), ("Friends of the house", 10_000), ("Press", 40))
FIELDS = (
    ("city", "City", FieldKind.TEXT),
    ("visits", "Visits", FieldKind.NUMBER),
    ("birthday", "Birthday", FieldKind.DATE),
    ("member", "Member", FieldKind.BOOLEAN),
)

_STAGE = """
CREATE TEMPORARY TABLE generated_people (
    number bigint, email text, email_key text, address_hash text, first_name text, last_name text, company text,
    is_role boolean, is_disposable boolean
) ON COMMIT DROP
"""


def _per_million(seed: int) -> str:
    """SQL: a number under a million that looks random and is the same for the same person."""
    return f"abs(hashint8extended(number, {seed}) %% 1000000)"


def _tags_sql() -> str:
    cases = (f"CASE WHEN {_per_million(10 + at)} < {share} THEN '{name}' END" for at, (name, share) in enumerate(TAGS))
    return f"array_remove(ARRAY[{', '.join(cases)}], NULL)::varchar[]"


# Keys carry the time a contact came (RFC 9562, section 5.7), as they do when contacts come one by one.
_CONTACTS = f"""
INSERT INTO contacts_contact (
    id, organization_id, created_at, updated_at, email, email_key, address_hash, first_name, last_name, company,
    is_role_address, is_disposable_address, phone, phone_e164, time_zone, language, attributes, tags, status, source,
    consent_at, consent_basis, consent_source, mail_frequency, last_opened_at, last_clicked_at)
SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
           substring(int8send((extract(epoch FROM came) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
           'hex')::uuid,
       %(organization)s, came, came, email, email_key, address_hash, first_name, last_name, company, is_role,
       is_disposable,
       CASE WHEN c < 250000 THEN '+34 6' || lpad((number %% 100000000)::text, 8, '0') ELSE '' END,
       CASE WHEN c < 250000 THEN '+346' || lpad((number %% 100000000)::text, 8, '0') ELSE '' END,
       CASE WHEN a < 700000 THEN 'Europe/Madrid' ELSE '' END,
       (ARRAY['es', 'es', 'es', 'en', 'en', 'ca', 'de', ''])[1 + a %% 8],
       jsonb_strip_nulls(jsonb_build_object(
           'city', (ARRAY['Alicante','Barcelona','Bilbao','Cádiz','Girona','Granada','Madrid','Málaga','Sevilla',
                          'Valencia', NULL, NULL])[1 + b %% 12],
           'visits', CASE WHEN a < 800000 THEN b %% 40 END,
           'birthday', CASE WHEN b < 500000 THEN to_char(date '1950-01-01' + (a %% 20000)::int, 'YYYY-MM-DD') END,
           'member', CASE WHEN c %% 3 = 0 THEN true WHEN c %% 3 = 1 THEN false END)),
       {_tags_sql()},
       CASE WHEN a < 880000 THEN 'subscribed' WHEN a < 960000 THEN 'unsubscribed' WHEN a < 975000 THEN 'pending'
            WHEN a < 998000 THEN 'bounced' ELSE 'complained' END,
       %(source)s,
       CASE WHEN b < 985000 THEN came END,
       CASE WHEN b < 600000 THEN 'double_opt_in' WHEN b < 900000 THEN 'express' WHEN b < 985000
            THEN 'existing_customer' ELSE '' END,
       CASE WHEN b < 985000 THEN 'Made up' ELSE '' END,
       CASE WHEN c < 20000 THEN 'weekly' WHEN c < 30000 THEN 'monthly' ELSE '' END,
       CASE WHEN b %% 100 < 40 THEN greatest(came, now() - (c %% 400) * interval '1 day') END,
       CASE WHEN b %% 100 < 12 THEN greatest(came, now() - (c %% 400) * interval '1 day') END
  FROM (SELECT *, {_per_million(1)} AS a, {_per_million(2)} AS b, {_per_million(3)} AS c,
               now() - interval '730 days' * (1 - number::float8 / %(count)s) AS came
          FROM generated_people) AS people
 ORDER BY number
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - built of constants
_MEMBERS = """
INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
SELECT engagex_uuid7(), contact.organization_id, %(group)s, contact.id, contact.created_at
  FROM generated_people JOIN contacts_contact AS contact USING (email_key)
 WHERE contact.organization_id = %(organization)s AND {number} < %(share)s
    ON CONFLICT DO NOTHING
"""
_SEARCH = f"""
INSERT INTO contacts_contactsearch (contact_id, organization_id, text)
SELECT contact.id, contact.organization_id, {search_text_sql("contact")}
  FROM contacts_contact AS contact
 WHERE contact.organization_id = %(organization)s AND contact.deleted_at IS NULL
   AND NOT EXISTS (SELECT FROM contacts_contactsearch AS known WHERE known.contact_id = contact.id)
 ORDER BY contact.id
"""  # noqa: S608 - built of constants


def generate_contacts(*, organization: Organization, count: int, announce: Announce) -> int:
    """Bring the client to made-up people 1 to `count`, in its groups, with tags and attributes; returns how many new.

    A chunk is one transaction, and one that is there is left alone, so that a killed run goes on. Raises LimitReached.
    """
    tenancy.require(organization.pk)
    groups = _lists(organization)
    added = 0
    for start in range(1, count + 1, CHUNK):
        added += _chunk(organization, groups, range(start, min(start + CHUNK, count + 1)), count)
        announce(f"{min(start + CHUNK - 1, count):,} of {count:,} contacts")
    return added


def _lists(organization: Organization) -> list[ContactGroup]:
    for name, _share in TAGS:
        ContactTag.objects.get_or_create(organization=organization, name=name)
    for position, (key, label, kind) in enumerate(FIELDS):
        ContactField.objects.get_or_create(
            organization=organization, key=key, defaults={"label": label, "kind": kind, "position": position}
        )
    return [ContactGroup.objects.get_or_create(organization=organization, name=name)[0] for name, _share in GROUPS]


@transaction.atomic
def _chunk(organization: Organization, groups: list[ContactGroup], numbers: range, count: int) -> int:
    with connection.cursor() as cursor:
        if _is_there(cursor, organization.pk, numbers[-1]):
            return 0
        quick_checks(cursor)
        cursor.execute(_STAGE)
        with cursor.copy("COPY generated_people FROM STDIN") as copy:
            for row in _people(numbers):
                copy.write_row(row)
        cursor.execute("ANALYZE generated_people")
        cursor.execute(_CONTACTS, {"organization": organization.pk, "source": SOURCE, "count": count})
        added = cursor.rowcount
        for at, (group, (_name, share)) in enumerate(zip(groups, GROUPS, strict=True)):
            parameters: dict[str, Any] = {"organization": organization.pk, "group": group.pk, "share": share}
            cursor.execute(_MEMBERS.format(number=_per_million(30 + at)), parameters)
    usage.reserve(organization_id=organization.pk, metric=Metric.CONTACTS, amount=added)
    return added


def quick_checks(cursor: Any) -> None:
    """Where the database lets us, do without a look-up of the foreign key for each row: the rows are made of existing
    ones. Ends with the transaction."""
    cursor.execute("SELECT current_setting('is_superuser') = 'on'")
    if cursor.fetchone()[0]:
        cursor.execute("SET LOCAL session_replication_role = replica")


def _is_there(cursor: Any, organization_id: UUID, number: int) -> bool:
    cursor.execute(
        "SELECT EXISTS (SELECT FROM contacts_contact WHERE organization_id = %s AND email_key = %s)",
        [organization_id, person(number)[2]],
    )
    return bool(cursor.fetchone()[0])


def _people(numbers: range) -> Iterator[tuple[Any, ...]]:
    return map(person, numbers)


def person(number: int) -> tuple[Any, ...]:
    """The row of generated_people. Strides without a common factor mix names and domains."""
    first = FIRST_NAMES[number * 31 % len(FIRST_NAMES)]
    last = LAST_NAMES[number * 17 % 4093 % len(LAST_NAMES)]
    company, is_role, is_disposable = "", number % 100 == 7, number % 1000 == 13
    mix = number * 7919 % 1000
    if is_role:
        trade = TRADES[number // 100 % len(TRADES)]
        company = f"{last} {trade.title()}"
        email = f"{ROLES[number // 100 % len(ROLES)]}@{_plain(last)}-{trade}{number}.example"
        first = last = ""
    elif mix < 700 or is_disposable:
        domain = (
            "throwaway.example" if is_disposable else MAILBOXES[(mix > 400) + (mix > 550) + (mix > 630) + (mix > 670)]
        )
        email = f"{_plain(first)}.{_plain(last)}{number}@{domain}"
    else:
        trade = TRADES[number % len(TRADES)]
        house = number * 104_729 % 20_011
        company = f"{last} {trade.title()} {house}"
        email = f"{_plain(first)}{number}@{trade}-{house}.example"
    return number, email, email, address_hash(email), first, last, company, is_role, is_disposable


def fill_search(*, organization_id: UUID) -> int:
    """Make the client's contacts searchable; returns how many were not. An empty table is filled before it is indexed.

    Takes a lock on the search table for as long as that takes.
    """
    tenancy.require(organization_id)
    with transaction.atomic(), connection.cursor() as cursor:
        quick_checks(cursor)
        cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
        with _without_part_index(cursor):
            cursor.execute(_SEARCH, {"organization": organization_id})
            return cursor.rowcount


@contextmanager
def _without_part_index(cursor: Any) -> Iterator[None]:
    cursor.execute("SELECT NOT EXISTS (SELECT FROM contacts_contactsearch)")
    is_empty = cursor.fetchone()[0]
    indexes = [index for index in ContactSearch._meta.indexes if is_empty]
    for index in indexes:
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index.name)))
    yield
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no index is made while checks of the rows are outstanding
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.add_index(ContactSearch, index)


_PLAIN = str.maketrans("áàéèëíóöøúüñãç", "aaeeeiooouunac")


def _plain(name: str) -> str:
    return name.lower().translate(_PLAIN)
