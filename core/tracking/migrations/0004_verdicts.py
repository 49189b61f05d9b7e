import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.common.ids


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("tracking", "0003_inbound"),
    ]

    operations = [
        migrations.CreateModel(
            name="VerdictRun",
            fields=[
                (
                    "id",
                    models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("started_at", models.DateTimeField(db_index=True, verbose_name="started")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("campaign_id", models.UUIDField(blank=True, null=True, verbose_name="campaign")),
                ("since", models.DateField(blank=True, null=True, verbose_name="campaigns that began on or after")),
                ("writes", models.BooleanField(default=False, verbose_name="writes what it finds")),
                ("networks_date", models.DateField(verbose_name="networks of")),
                ("campaigns", models.PositiveIntegerField(default=0)),
                ("mails", models.PositiveBigIntegerField(default=0)),
                ("events", models.PositiveBigIntegerField(default=0, verbose_name="opens and clicks")),
                ("changes", models.JSONField(default=dict)),
                ("reasons", models.PositiveBigIntegerField(default=0, verbose_name="other reasons only")),
                ("last_campaign", models.UUIDField(null=True)),
                ("last_contact", models.UUIDField(null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "verdict check",
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("finished_at", None)),
                        fields=("finished_at",),
                        name="tracking_verdictrun_one_open",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
