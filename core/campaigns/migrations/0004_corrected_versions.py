import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0003_scheduled_local"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="campaignsnapshot",
            name="created_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="campaignsnapshot",
            name="note",
            field=models.CharField(blank=True, help_text="What was put right.", max_length=200),
        ),
        migrations.AddField(
            model_name="campaignsnapshot",
            name="activated_at",
            field=models.DateTimeField(null=True, verbose_name="goes out since"),
        ),
        migrations.AddField(
            model_name="campaignsnapshot",
            name="waiting_links",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Targets of its links, until it is released; numbered behind all others.",
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="is_held",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="The winner is not sent without being asked for.",
                verbose_name="waits for a person",
            ),
        ),
    ]
