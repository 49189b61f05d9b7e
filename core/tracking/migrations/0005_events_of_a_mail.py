from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0004_audience_months")]

    operations = [
        migrations.RemoveIndex(model_name="analyticsevent", name="tracking_event_message"),
        migrations.AddIndex(
            model_name="analyticsevent",
            index=models.Index(fields=["message", "type", "occurred_at"], name="tracking_event_message"),
        ),
    ]
