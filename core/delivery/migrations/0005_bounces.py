from django.db import migrations, models

from core.delivery.bounces import BounceClass


class Migration(migrations.Migration):
    dependencies = [("delivery", "0004_ledger_checks")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="bounce_class",
            field=models.CharField(blank=True, choices=BounceClass.choices, db_default="", default="", max_length=16),
        ),
        migrations.AddField(
            model_name="message",
            name="bounce_words",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=500, verbose_name="words of the bounce"
            ),
        ),
    ]
