import core.common.constraints
import core.common.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_brand_kit"),
        ("campaigns", "0005_approval_mails_and_parts"),
        ("delivery", "0008_mail_tests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Rehearsal",
            fields=[
                (
                    "id",
                    models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting for a worker"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("stopped", "Stopped"),
                            ("failed", "Could not be built"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("content_hash", models.CharField(max_length=64)),
                ("people_total", models.PositiveIntegerField(null=True)),
                ("people_done", models.PositiveIntegerField(default=0)),
                ("last_contact", models.UUIDField(null=True)),
                ("tally", models.JSONField(default=dict)),
                ("problem", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                ("heartbeat_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rehearsals",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddIndex(
            model_name="rehearsal",
            index=models.Index(fields=["campaign", "-id"], name="delivery_rehearsal_newest"),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="delivery_rehearsal_tenant_key"),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=core.common.constraints.SameOrganization(
                field="campaign", name="delivery_rehearsal_campaign_same_org"
            ),
        ),
        migrations.AddConstraint(
            model_name="rehearsal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["queued", "running"])),
                fields=("campaign",),
                name="delivery_rehearsal_one_at_a_time",
            ),
        ),
        migrations.AddField(
            model_name="sandboxmail",
            name="rehearsal",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="samples",
                to="delivery.rehearsal",
            ),
        ),
        migrations.AddConstraint(
            model_name="sandboxmail",
            constraint=core.common.constraints.SameOrganization(
                field="rehearsal", name="delivery_sandbox_rehearsal_same_org"
            ),
        ),
    ]
