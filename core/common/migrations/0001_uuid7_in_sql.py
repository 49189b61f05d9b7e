from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

# Keys in order of time for INSERT ... SELECT (RFC 9562, section 5.7). PostgreSQL has uuidv7() from version 18 on; older
# servers put 48 bits of milliseconds before a random UUID and set the version.
CREATE = """
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE FUNCTION engagex_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS 'SELECT uuidv7()';
    ELSE
        CREATE FUNCTION engagex_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT encode(
                set_bit(set_bit(
                    overlay(uuid_send(gen_random_uuid()) PLACING
                        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6),
                    52, 1), 53, 1), 'hex')::uuid
        $$;
    END IF;
END
$do$;
"""


class Migration(migrations.Migration):
    # Their many small steps take a minute when they come after ours, because each of them renders every model anew.
    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("django_celery_results", "0014_alter_taskresult_status"),
    ]
    # The search table of contacts has a trigram index.
    run_before = [("accounts", "0001_initial"), ("contacts", "0001_initial")]

    operations = [TrigramExtension(), migrations.RunSQL(CREATE, "DROP FUNCTION engagex_uuid7();")]
