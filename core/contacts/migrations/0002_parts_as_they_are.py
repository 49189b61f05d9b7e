"""Parts of an upload live for minutes: compressing them costs more than writing them."""

from django.db import migrations

PLAIN = "ALTER TABLE contacts_importpart ALTER COLUMN content SET STORAGE EXTERNAL"
PACKED = "ALTER TABLE contacts_importpart ALTER COLUMN content SET STORAGE EXTENDED"


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [migrations.RunSQL(PLAIN, PACKED)]
