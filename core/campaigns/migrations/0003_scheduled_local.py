from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_versions_tests_approvals")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="scheduled_local",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="As 2026-11-25T09:00, in the zone that `schedule_zone` means. Empty: not planned ahead.",
                max_length=16,
                verbose_name="planned wall-clock time",
            ),
        ),
    ]
