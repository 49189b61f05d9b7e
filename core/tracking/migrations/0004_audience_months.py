import core.common.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE TABLE tracking_cohort_narrow AS TABLE tracking_audiencecohort;
CREATE TABLE tracking_hour_narrow AS TABLE tracking_organizationweekhour;
"""
TURNS = ("joined", "resubscribed", "unsubscribed", "bounced", "complained", "deleted")
ACTIVITIES = ("month", "quarter", "year", "longer", "never", "left")


def by_hour(column):
    sums = (f"coalesce(sum({column}) FILTER (WHERE hour = {hour}), 0)" for hour in range(24))
    return f"ARRAY[{', '.join(sums)}]"


FILL = f"""
WITH counted AS (
    SELECT *, date_trunc('month', day)::date AS month FROM tracking_audienceday
), told AS (
    SELECT organization_id, month, jsonb_object_agg(source, people) AS sources
      FROM (SELECT organization_id, month, named.source, sum(named.people::int) AS people
              FROM counted CROSS JOIN LATERAL jsonb_each_text(sources) AS named (source, people)
             GROUP BY 1, 2, 3) AS summed
     GROUP BY 1, 2
)
INSERT INTO tracking_audiencemonth (id, organization_id, month, days, {", ".join(TURNS)}, total, sources)
SELECT engagex_uuid7(), organization_id, month, days, {", ".join(TURNS)}, total, coalesce(told.sources, '{{}}')
  FROM (SELECT organization_id, month, count(*) AS days, {", ".join(f"sum({turn}) AS {turn}" for turn in TURNS)},
               (array_agg(total ORDER BY day DESC))[1] AS total
          FROM counted GROUP BY 1, 2) AS months
  LEFT JOIN told USING (organization_id, month);
INSERT INTO tracking_audiencecohort (id, organization_id, joined_in, "month", quarter, "year", longer, never, "left")
SELECT engagex_uuid7(), organization_id, month,
       {", ".join(f"coalesce(sum(people) FILTER (WHERE activity = '{one}'), 0)" for one in ACTIVITIES)}
  FROM tracking_cohort_narrow GROUP BY organization_id, month;
INSERT INTO tracking_organizationweekday (id, organization_id, month, weekday, people, machines)
SELECT engagex_uuid7(), organization_id, month, weekday, {by_hour("people_once")}, {by_hour("machines_once")}
  FROM tracking_hour_narrow WHERE type = 'opened' GROUP BY organization_id, month, weekday;
DROP TABLE tracking_cohort_narrow, tracking_hour_narrow;
"""

ID = ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False))


def organization():
    return (
        'organization',
        models.ForeignKey(
            db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'
        ),
    )


def options(**more):
    return {'abstract': False, 'base_manager_name': 'objects', **more}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_is_append_only"), ("tracking", "0003_wide_periods")]

    operations = [
        migrations.RunSQL(KEEP),
        migrations.DeleteModel(name='OrganizationWeekHour'),
        migrations.DeleteModel(name='AudienceCohort'),
        migrations.CreateModel(
            name='AudienceMonth',
            fields=[
                ID,
                ('month', models.DateField()),
                ('days', models.PositiveSmallIntegerField()),
                *((turn, models.PositiveIntegerField(default=0)) for turn in TURNS),
                ('total', models.IntegerField(default=0)),
                ('sources', models.JSONField(default=dict)),
                organization(),
            ],
            options=options(
                constraints=[
                    models.UniqueConstraint(fields=('organization', 'month'), name='tracking_audience_month_once')
                ]
            ),
        ),
        migrations.CreateModel(
            name='AudienceCohort',
            fields=[
                ID,
                ('joined_in', models.DateField()),
                *((activity, models.PositiveIntegerField(default=0)) for activity in ACTIVITIES),
                organization(),
            ],
            options=options(
                constraints=[models.UniqueConstraint(fields=('organization', 'joined_in'), name='tracking_cohort_once')]
            ),
        ),
        migrations.CreateModel(
            name='OrganizationWeekday',
            fields=[
                ID,
                ('month', models.DateField()),
                ('weekday', models.PositiveSmallIntegerField()),
                ('people', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ('machines', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                organization(),
            ],
            options=options(
                constraints=[
                    models.UniqueConstraint(fields=('organization', 'month', 'weekday'), name='tracking_weekday_once')
                ]
            ),
        ),
        migrations.RunSQL(FILL),
    ]
