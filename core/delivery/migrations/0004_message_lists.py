from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0003_windows_in_sql")]

    operations = [
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("bounce_class", ""), _negated=True),
                fields=["campaign", "-id"],
                name="delivery_message_bounced",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("complained_at__isnull", False)),
                fields=["campaign", "-id"],
                name="delivery_message_complained",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("unsubscribed_at__isnull", False)),
                fields=["campaign", "-id"],
                name="delivery_message_left",
            ),
        ),
    ]
