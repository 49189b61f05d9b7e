from django.db import migrations, models

# What was counted by sender and provider at once becomes what is counted by each of them, and in all.
KEEP = """
CREATE TEMP TABLE tracking_old_periods ON COMMIT DROP AS
SELECT organization_id, length, start, sender, provider, type, verdict, total, firsts FROM tracking_organizationperiod;
TRUNCATE tracking_organizationperiod
"""
FILL = """
INSERT INTO tracking_organizationperiod
       (id, organization_id, length, start, part, value, type, verdict, total, firsts)
SELECT engagex_uuid7(), organization_id, length, start, divided.part, divided.value, type, verdict, sum(total),
       sum(firsts)
  FROM tracking_old_periods
 CROSS JOIN LATERAL (VALUES ('all', ''), ('sender', sender), ('provider', provider)) AS divided (part, value)
 GROUP BY organization_id, length, start, divided.part, divided.value, type, verdict
 ORDER BY organization_id, length, divided.part, start, divided.value
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tracking", "0006_trapped"),
    ]

    operations = [
        migrations.RunSQL(KEEP.split(";\n")),
        migrations.RemoveConstraint("organizationperiod", "tracking_period_once"),
        migrations.AddField(
            "organizationperiod",
            "part",
            models.CharField(
                choices=[("all", "All"), ("sender", "Sender"), ("provider", "Mailbox provider")],
                default="all",
                max_length=8,
            ),
            preserve_default=False,
        ),
        migrations.AddField("organizationperiod", "value", models.CharField(blank=True, default="", max_length=320), preserve_default=False),
        migrations.RemoveField("organizationperiod", "sender"),
        migrations.RemoveField("organizationperiod", "provider"),
        migrations.AddConstraint(
            "organizationperiod",
            models.UniqueConstraint(
                fields=("organization", "length", "part", "start", "value", "type", "verdict"),
                name="tracking_period_once",
            ),
        ),
        migrations.RunSQL(FILL),
    ]
