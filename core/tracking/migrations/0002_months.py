import core.common.constraints
from django.db import migrations

# The table of events becomes one of partitions, a month (UTC) each, and a last one for whatever fits none.
PARTITION = """
ALTER TABLE tracking_analyticsevent RENAME TO tracking_event_whole;
CREATE TABLE tracking_analyticsevent (LIKE tracking_event_whole INCLUDING DEFAULTS) PARTITION BY RANGE (occurred_at);
DROP TABLE tracking_event_whole;
ALTER TABLE tracking_analyticsevent
    ADD CONSTRAINT tracking_analyticsevent_pkey PRIMARY KEY (id, occurred_at),
    ADD CONSTRAINT tracking_event_once UNIQUE (organization_id, event_key, occurred_at);
CREATE INDEX tracking_event_campaign ON tracking_analyticsevent (campaign_id, type, occurred_at);
CREATE INDEX tracking_event_contact ON tracking_analyticsevent (contact_id, id DESC);
CREATE INDEX tracking_event_message ON tracking_analyticsevent (message_id, organization_id);
CREATE TABLE tracking_analyticsevent_rest PARTITION OF tracking_analyticsevent DEFAULT;
"""

# Verdicts are written anew where the row lies, hence some room. What of the month lay in the last partition moves.
MONTH = """
CREATE FUNCTION tracking_event_month(month date) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    name text := 'tracking_analyticsevent_' || to_char(month, 'YYYY_MM');
    since timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    until timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format(
        'CREATE TABLE %1$I (LIKE tracking_analyticsevent INCLUDING DEFAULTS INCLUDING INDEXES) WITH (fillfactor = 90);'
        'WITH moved AS (DELETE FROM tracking_analyticsevent_rest WHERE occurred_at >= %2$L AND occurred_at < %3$L '
        'RETURNING *) INSERT INTO %1$I SELECT * FROM moved;'
        'ALTER TABLE tracking_analyticsevent ATTACH PARTITION %1$I FOR VALUES FROM (%2$L) TO (%3$L);'
        'CREATE TRIGGER tracking_event_same_org AFTER INSERT ON %1$I REFERENCING NEW TABLE AS arrived '
        'FOR EACH STATEMENT EXECUTE FUNCTION tracking_event_same_org()', name, since, until);
    RETURN true;
END
$body$;
"""

FILL = """
CREATE TRIGGER tracking_event_same_org AFTER INSERT ON tracking_analyticsevent_rest REFERENCING NEW TABLE AS arrived
    FOR EACH STATEMENT EXECUTE FUNCTION tracking_event_same_org();
SELECT tracking_event_month(month::date)
  FROM generate_series(
           date_trunc('month', (now() - interval '24 months') AT TIME ZONE 'UTC'),
           (now() + interval '3 months') AT TIME ZONE 'UTC', interval '1 month') AS month;
-- Every open writes the contact's row: with room beside it, none of its many indexes has to follow.
ALTER TABLE contacts_contact SET (fillfactor = 85);
ALTER TABLE tracking_campaignhour SET (fillfactor = 80);
ALTER TABLE tracking_campaignpart SET (fillfactor = 80);
ALTER TABLE tracking_linkclicks SET (fillfactor = 80);
ALTER TABLE tracking_organizationperiod SET (fillfactor = 80);
"""

FOREIGN_KEYS = ("message", "campaign", "contact", "link")
OF_THE_MAIL = ("message", "campaign", "contact")


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]

    operations = [
        migrations.RunSQL(PARTITION),
        migrations.AddConstraint(
            model_name="analyticsevent",
            constraint=core.common.constraints.SameOrganizationInBulk(
                fields=FOREIGN_KEYS, name="tracking_event_same_org", through=OF_THE_MAIL
            ),
        ),
        migrations.RunSQL([MONTH, FILL]),
    ]
