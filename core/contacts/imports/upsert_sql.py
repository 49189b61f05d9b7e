"""The statements of one import: made once for its columns, mode, tags and consent, run for every chunk.

What is empty in the file leaves what is there, unless the import overwrites. Nothing else of an existing contact is
ever touched, least of all its status: nobody is resubscribed by an import.
"""

from core.contacts.choices import ContactStatus, ImportMode
from core.contacts.imports.chunks import Choices, staged_columns

REACHABLE = f"('{ContactStatus.SUBSCRIBED}', '{ContactStatus.PENDING}')"

# Whoever has a consent keeps it, and whoever withdrew it is not given another one.
_LACKS_CONSENT = f"(contact.consent_basis = '' AND contact.consent_at IS NULL AND contact.status IN {REACHABLE})"

# As a subquery, so that the planner cannot look the client up in statistics that know nothing yet of the thousands of
# rows it has got since: taking it for empty, it reads all its contacts for every chunk instead of some by their key.
THIS_CLIENT = "(SELECT %(organization_id)s::uuid)"

_TEMPORARY_TABLES = """
    DROP TABLE IF EXISTS contacts_import_staged, contacts_import_seen, contacts_import_known,
        contacts_import_changed, contacts_import_suppressed, contacts_import_joined;
    CREATE TEMPORARY TABLE contacts_import_staged (
        row_number integer NOT NULL, email text NOT NULL, email_key text COLLATE "C" NOT NULL,
        address_hash text NOT NULL, is_role boolean NOT NULL, is_disposable boolean NOT NULL,
        {texts} attributes jsonb NOT NULL
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE contacts_import_seen (
        address uuid PRIMARY KEY, row_number integer NOT NULL
    );
    CREATE TEMPORARY TABLE contacts_import_known (
        row_number integer NOT NULL, id uuid NOT NULL, is_deleted boolean NOT NULL, is_changed boolean NOT NULL,
        is_reachable boolean NOT NULL
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE contacts_import_changed (
        row_number integer NOT NULL, id uuid NOT NULL, is_deleted boolean NOT NULL, before jsonb NOT NULL
    ) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE contacts_import_suppressed (row_number integer NOT NULL, status text) ON COMMIT DELETE ROWS;
    CREATE TEMPORARY TABLE contacts_import_joined (group_id uuid NOT NULL, contact_id uuid NOT NULL)
        ON COMMIT DELETE ROWS
"""

# LATERAL with OFFSET 0: one descent into the index of addresses for each row, whatever the statistics say.
_LOOK = """
    INSERT INTO contacts_import_known (row_number, id, is_deleted, is_changed, is_reachable)
    SELECT staged.row_number, contact.id, contact.deleted_at IS NOT NULL,
           contact.deleted_at IS NOT NULL OR {changes}, contact.status IN {reachable}
      FROM (SELECT * FROM contacts_import_staged ORDER BY email_key) AS staged
     CROSS JOIN LATERAL (
         SELECT * FROM contacts_contact
          WHERE organization_id = {this_client} AND email_key = staged.email_key OFFSET 0) AS contact
"""

# In the order of addresses, as every other writer of several contacts locks them; those that only join a group as well,
# because the check of their membership would lock them later, in another order and after the usage counter. What comes
# back is what the row says once it is ours, also when somebody has changed it since the look.
_LOCK = """
    INSERT INTO contacts_import_changed (row_number, id, is_deleted, before)
    SELECT known.row_number, locked.id, locked.deleted_at IS NOT NULL, locked.before
      FROM (SELECT contact.id, contact.deleted_at, jsonb_build_object({before}) AS before
              FROM contacts_contact AS contact
             WHERE contact.organization_id = {this_client}
               AND contact.id = ANY(ARRAY(SELECT id FROM contacts_import_known WHERE is_changed
                                          UNION SELECT contact_id FROM contacts_import_joined))
             ORDER BY contact.email_key FOR NO KEY UPDATE) AS locked
      JOIN contacts_import_known AS known ON known.id = locked.id AND known.is_changed
"""

# A deleted contact comes back with its old status: an unsubscription outlives the deletion.
_UPDATE = """
    UPDATE contacts_contact AS contact
       SET {sets}deleted_at = NULL, merged_into_id = NULL, updated_at = %(written_at)s
      FROM contacts_import_changed AS changed JOIN contacts_import_staged AS staged USING (row_number)
     WHERE contact.organization_id = {this_client} AND contact.id = changed.id
"""

_INSERT = """
    WITH inserted AS (
        INSERT INTO contacts_contact
            (id, organization_id, created_at, updated_at, email, email_key, address_hash, is_role_address,
             is_disposable_address, status, source, consent_at, consent_basis, consent_source, mail_frequency, tags,
             {columns})
        SELECT engagex_uuid7(), %(organization_id)s, %(written_at)s, %(written_at)s, staged.email, staged.email_key,
               staged.address_hash, staged.is_role, staged.is_disposable, coalesce(suppressed.status, '{subscribed}'),
               %(source)s, %(consent_at)s, %(consent_basis)s, %(consent_source)s, '', %(tags)s, {values}
          FROM contacts_import_staged AS staged
          LEFT JOIN contacts_import_suppressed AS suppressed USING (row_number)
         WHERE NOT EXISTS (SELECT FROM contacts_import_known AS known WHERE known.row_number = staged.row_number)
         ORDER BY staged.email_key
        ON CONFLICT (organization_id, email_key) DO NOTHING
        RETURNING id
    ), put_into_groups AS (
        INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
        SELECT engagex_uuid7(), %(organization_id)s, chosen.id, inserted.id, %(written_at)s
          FROM unnest(%(group_ids)s::uuid[]) AS chosen (id) CROSS JOIN inserted
    ), recorded AS (
        INSERT INTO contacts_importedchunk
            (id, organization_id, contact_import_id, number, written_at, created_ids, revived_ids, before, joined,
             kept, is_searchable, is_undone)
        SELECT engagex_uuid7(), %(organization_id)s, %(import_id)s, %(number)s, %(written_at)s, created.ids,
               revived.ids, changed.before, joined.by_group, '{{}}',
               created.ids = '{{}}' AND changed.before = '{{}}', FALSE
          FROM (SELECT coalesce(array_agg(id), '{{}}') AS ids FROM inserted) AS created,
               (SELECT coalesce(array_agg(id), '{{}}') AS ids
                  FROM contacts_import_changed WHERE is_deleted) AS revived,
               (SELECT coalesce(jsonb_object_agg(id, before), '{{}}') AS before
                  FROM contacts_import_changed) AS changed,
               (SELECT coalesce(jsonb_object_agg(group_id, ids), '{{}}') AS by_group
                  FROM (SELECT group_id, jsonb_agg(contact_id) AS ids
                          FROM contacts_import_joined GROUP BY group_id) AS of_group) AS joined
         WHERE created.ids <> '{{}}' OR changed.before <> '{{}}' OR joined.by_group <> '{{}}'
    )
    SELECT count(*) FROM inserted
"""


class Statements:
    """Made of names of our own columns only; every value of a file or a choice is a parameter."""

    def __init__(self, choices: Choices) -> None:
        fields = choices.fields
        columns = staged_columns(fields)
        texts = "".join(f"{name} text NOT NULL, " for name in columns if name in fields or name == "phone_e164")
        merged = _merged(choices)
        touched = [*merged, "deleted_at", "merged_into_id", "updated_at"]
        self.tables = _TEMPORARY_TABLES.format(texts=texts)
        self.copy = f"COPY contacts_import_staged ({', '.join(columns)}) FROM STDIN"
        changes = "FALSE" if choices.mode == ImportMode.ADD_ONLY else _changes(merged)
        self.look = _LOOK.format(changes=changes, reachable=REACHABLE, this_client=THIS_CLIENT)
        before = ", ".join(f"'{name}', contact.{name}" for name in touched)
        self.lock = _LOCK.format(before=before, this_client=THIS_CLIENT)
        sets = "".join(f"{name} = {value}, " for name, value in merged.items())
        self.update = _UPDATE.format(sets=sets, this_client=THIS_CLIENT)
        new = _new_values(columns)
        self.insert = _INSERT.format(
            columns=", ".join(new), values=", ".join(new.values()), subscribed=ContactStatus.SUBSCRIBED
        )


def _merged(choices: Choices) -> dict[str, str]:
    """What each column of a known contact becomes, as SQL over `contact` and `staged`."""
    overwrites = choices.mode == ImportMode.OVERWRITE_EMPTY
    text = "staged.{0}" if overwrites else "coalesce(nullif(staged.{0}, ''), contact.{0})"
    merged = {name: text.format(name) for name in choices.fields}
    if "phone" in choices.fields:
        # The same number that does not parse this time, for want of a country, keeps what it was understood as.
        merged["phone_e164"] = f"""
            CASE WHEN staged.phone = '' THEN {"''" if overwrites else "contact.phone_e164"}
                 WHEN staged.phone = contact.phone AND staged.phone_e164 = '' THEN contact.phone_e164
                 ELSE staged.phone_e164 END"""
    if choices.attribute_keys:
        kept = "(contact.attributes - %(attribute_keys)s::text[])" if overwrites else "contact.attributes"
        merged["attributes"] = f"{kept} || staged.attributes"
    if choices.tags:
        merged["tags"] = """
            contact.tags || ARRAY(SELECT tag FROM unnest(%(tags)s::varchar[]) AS tag WHERE tag <> ALL(contact.tags))"""
    if choices.consent_basis:
        for name in ("consent_at", "consent_basis", "consent_source"):
            merged[name] = f"CASE WHEN {_LACKS_CONSENT} THEN %({name})s ELSE contact.{name} END"
    return merged


def _changes(merged: dict[str, str]) -> str:
    """SQL that is true where the row says something else than the contact."""
    differences = [f"contact.{name} IS DISTINCT FROM ({value})" for name, value in merged.items()]
    return f"({' OR '.join(differences) or 'FALSE'})"


def _new_values(columns: list[str]) -> dict[str, str]:
    """What a new contact gets in the columns that files can fill; those that this file has not are empty."""
    empty = ("first_name", "last_name", "phone", "phone_e164", "company", "time_zone", "language")
    return {
        **{name: f"staged.{name}" if name in columns else "''" for name in empty},
        "attributes": "staged.attributes",
    }
