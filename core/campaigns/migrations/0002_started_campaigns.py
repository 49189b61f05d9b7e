from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("started_at__isnull", False)),
                fields=["organization", "-started_at", "-id"],
                name="campaigns_campaign_started",
            ),
        ),
    ]
