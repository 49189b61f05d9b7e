import core.common.ids
import django.db.models.deletion
from django.db import migrations, models

KEEP = "CREATE TABLE tracking_period_narrow AS TABLE tracking_organizationperiod"

WIDEN = """
INSERT INTO tracking_organizationperiod
       (id, organization_id, length, start, part, value,
        sent, delivered, deferred, bounced, complained,
        opened_people, opened_people_once, opened_machines, opened_machines_once,
        clicked_people, clicked_people_once, clicked_machines, clicked_machines_once,
        unsubscribed_people, unsubscribed_people_once, unsubscribed_machines, unsubscribed_machines_once)
SELECT engagex_uuid7(), organization_id, length, start, part, value,
       coalesce(sum(firsts) FILTER (WHERE type = 'sent'), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'delivered'), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'deferred'), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'bounced'), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'complained'), 0),
       coalesce(sum(total) FILTER (WHERE type = 'opened' AND verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'opened' AND verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(total) FILTER (WHERE type = 'opened' AND NOT verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'opened' AND NOT verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(total) FILTER (WHERE type = 'clicked' AND verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'clicked' AND verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(total) FILTER (WHERE type = 'clicked' AND NOT verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'clicked' AND NOT verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(total) FILTER (WHERE type = 'unsubscribed' AND verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'unsubscribed' AND verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(total) FILTER (WHERE type = 'unsubscribed' AND NOT verdict IN ('human', 'proxy', 'unknown')), 0),
       coalesce(sum(firsts) FILTER (WHERE type = 'unsubscribed' AND NOT verdict IN ('human', 'proxy', 'unknown')), 0)
  FROM tracking_period_narrow GROUP BY organization_id, length, part, start, value
 ORDER BY organization_id, length, part, start, value;
INSERT INTO tracking_organizationperiod
       (id, organization_id, length, start, part, value, sent, delivered, deferred, bounced, complained,
        opened_people, opened_people_once, opened_machines, opened_machines_once,
        clicked_people, clicked_people_once, clicked_machines, clicked_machines_once,
        unsubscribed_people, unsubscribed_people_once, unsubscribed_machines, unsubscribed_machines_once)
SELECT engagex_uuid7(), organization_id, 'year', date_trunc('year', start)::date, part, value,
       sum(sent), sum(delivered), sum(deferred),
       sum(bounced), sum(complained), sum(opened_people),
       sum(opened_people_once), sum(opened_machines), sum(opened_machines_once),
       sum(clicked_people), sum(clicked_people_once), sum(clicked_machines),
       sum(clicked_machines_once), sum(unsubscribed_people), sum(unsubscribed_people_once),
       sum(unsubscribed_machines), sum(unsubscribed_machines_once)
  FROM tracking_organizationperiod WHERE length = 'month' GROUP BY 2, 4, 5, 6 ORDER BY 2, 5, 4, 6;
DROP TABLE tracking_period_narrow;
-- A row is written with every block of events of its day: the new one finds room on its page.
ALTER TABLE tracking_organizationperiod SET (fillfactor = 80);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_is_append_only"), ("tracking", "0002_months")]

    operations = [
        migrations.RunSQL(KEEP),
        migrations.DeleteModel(name='OrganizationPeriod'),
        migrations.CreateModel(
            name='OrganizationPeriod',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('length', models.CharField(choices=[('day', 'Day'), ('month', 'Month'), ('year', 'Year')], max_length=5)),
                ('start', models.DateField()),
                ('part', models.CharField(choices=[('all', 'All'), ('sender', 'Sender'), ('provider', 'Mailbox provider')], max_length=8)),
                ('value', models.CharField(blank=True, max_length=320)),
                ('sent', models.PositiveIntegerField(default=0)),
                ('delivered', models.PositiveIntegerField(default=0)),
                ('deferred', models.PositiveIntegerField(default=0)),
                ('bounced', models.PositiveIntegerField(default=0)),
                ('complained', models.PositiveIntegerField(default=0)),
                ('opened_people', models.PositiveIntegerField(default=0)),
                ('opened_people_once', models.PositiveIntegerField(default=0)),
                ('opened_machines', models.PositiveIntegerField(default=0)),
                ('opened_machines_once', models.PositiveIntegerField(default=0)),
                ('clicked_people', models.PositiveIntegerField(default=0)),
                ('clicked_people_once', models.PositiveIntegerField(default=0)),
                ('clicked_machines', models.PositiveIntegerField(default=0)),
                ('clicked_machines_once', models.PositiveIntegerField(default=0)),
                ('unsubscribed_people', models.PositiveIntegerField(default=0)),
                ('unsubscribed_people_once', models.PositiveIntegerField(default=0)),
                ('unsubscribed_machines', models.PositiveIntegerField(default=0)),
                ('unsubscribed_machines_once', models.PositiveIntegerField(default=0)),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'length', 'part', 'start', 'value'), name='tracking_period_once')],
            },
        ),
        migrations.RunSQL(WIDEN),
    ]
