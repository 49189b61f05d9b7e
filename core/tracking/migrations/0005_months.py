import core.common.constraints
import core.common.ids
import django.db.models.deletion
from django.db import migrations, models

# In the order in which a running worker locks them, so that it waits instead of both failing.
LOCK = """
LOCK TABLE contacts_contact, delivery_message, campaigns_campaign, campaigns_campaignlink, tracking_analyticsevent,
           tracking_dirtycampaign IN ACCESS EXCLUSIVE MODE
"""

# The table of events becomes one of partitions, a month (UTC) each, and a last one for whatever fits none.
PARTITION = """
ALTER TABLE tracking_analyticsevent RENAME TO tracking_event_whole;
CREATE TABLE tracking_analyticsevent (LIKE tracking_event_whole INCLUDING DEFAULTS) PARTITION BY RANGE (occurred_at);
DROP INDEX tracking_event_campaign, tracking_event_contact, tracking_event_message;
ALTER TABLE tracking_event_whole
    DROP CONSTRAINT tracking_analyticsevent_pkey, DROP CONSTRAINT tracking_event_once,
    DROP CONSTRAINT tracking_event_message_same_org, DROP CONSTRAINT tracking_event_campaign_same_org,
    DROP CONSTRAINT tracking_event_contact_same_org, DROP CONSTRAINT tracking_event_link_same_org;
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
           date_trunc('month', greatest(
               (SELECT min(occurred_at) FROM tracking_event_whole), now() - interval '24 months') AT TIME ZONE 'UTC'),
           (now() + interval '3 months') AT TIME ZONE 'UTC', interval '1 month') AS month;
INSERT INTO tracking_analyticsevent SELECT * FROM tracking_event_whole;
DROP TABLE tracking_event_whole;
-- Every open writes the contact's row: with room beside it, none of its many indexes has to follow.
ALTER TABLE contacts_contact SET (fillfactor = 85);
ALTER TABLE tracking_campaignhour SET (fillfactor = 80);
ALTER TABLE tracking_campaignpart SET (fillfactor = 80);
ALTER TABLE tracking_linkclicks SET (fillfactor = 80);
ALTER TABLE tracking_organizationperiod SET (fillfactor = 80);
"""

FOREIGN_KEYS = ("message", "campaign", "contact", "link")


class Migration(migrations.Migration):

    dependencies = [
        ('tracking', '0004_verdicts'),
    ]

    operations = [
        migrations.RunSQL(LOCK, migrations.RunSQL.noop),
        migrations.DeleteModel(name='DirtyCampaign'),
        migrations.CreateModel(
            name='CampaignRecount',
            fields=[
                ('campaign', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='campaigns.campaign')),
                ('accepted', models.BigIntegerField(default=-1)),
                ('events', models.BigIntegerField(default=-1)),
                ('time_zone', models.CharField(max_length=64)),
                ('next_at', models.DateTimeField()),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='tracking_recount_campaign_same_org')],
            },
        ),
        migrations.CreateModel(
            name='AcceptedDay',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('sender', models.CharField(blank=True, max_length=320)),
                ('provider', models.CharField(max_length=40)),
                ('total', models.PositiveIntegerField()),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.campaign')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='tracking_accepted_campaign_same_org'), models.UniqueConstraint(fields=('organization', 'campaign', 'day', 'provider'), name='tracking_accepted_once')],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PARTITION)],
            state_operations=[
                *(migrations.RemoveConstraint('analyticsevent', f'tracking_event_{name}_same_org') for name in FOREIGN_KEYS),
                migrations.RemoveIndex('analyticsevent', 'tracking_event_message'),
                migrations.AddIndex('analyticsevent', models.Index(fields=['message', 'organization'], name='tracking_event_message')),
                migrations.RemoveConstraint('analyticsevent', 'tracking_event_once'),
                migrations.AddConstraint('analyticsevent', models.UniqueConstraint(fields=('organization', 'event_key', 'occurred_at'), name='tracking_event_once')),
            ],
        ),
        migrations.AddConstraint(
            model_name='analyticsevent',
            constraint=core.common.constraints.SameOrganizationInBulk(fields=FOREIGN_KEYS, name='tracking_event_same_org'),
        ),
        migrations.RunSQL([MONTH, FILL]),
    ]
