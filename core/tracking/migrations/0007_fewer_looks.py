import core.common.constraints
from django.db import migrations

NAME = "tracking_event_same_org"
FIELDS = ("message", "campaign", "contact", "link")
THROUGH = ("message", "campaign", "contact")
AFTER = core.common.constraints.SameOrganizationInBulk(fields=FIELDS, name=NAME, through=THROUGH)


def replace_check(apps, schema_editor):
    """The triggers of all months go on calling it."""
    schema_editor.execute(AFTER.replace_sql(apps.get_model("tracking", "AnalyticsEvent"), schema_editor))


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0006_trapped"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(replace_check, migrations.RunPython.noop)],
            state_operations=[
                migrations.RemoveConstraint("analyticsevent", NAME),
                migrations.AddConstraint("analyticsevent", AFTER),
            ],
        ),
    ]
