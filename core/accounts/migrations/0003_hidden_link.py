from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_is_append_only")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="uses_honeypot_link",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="A link that no person sees, at the end of each mail. Link scanners follow it and give "
                "themselves away, so that their opens and clicks are not counted as people's.",
                verbose_name="hidden link in mails",
            ),
        ),
    ]
