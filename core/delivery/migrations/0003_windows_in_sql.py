from django.db import migrations

# A zone that this PostgreSQL does not know counts as UTC: one client's setting must not stop everybody's mail.
LOCAL_TIME = """
CREATE FUNCTION engagex_local_time(moment timestamptz, zone text) RETURNS timestamp
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN moment AT TIME ZONE zone;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN moment AT TIME ZONE 'UTC';
END
$$;
"""
# The same rule as core/delivery/limits/window.py. A window over midnight belongs to the day on which it begins.
IN_WINDOW = """
CREATE FUNCTION engagex_in_window(wall timestamp, begins time, ends time, days smallint[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN ends IS NULL OR coalesce(begins, time '00:00') < ends
            THEN coalesce(begins, time '00:00') <= wall::time AND (ends IS NULL OR wall::time < ends)
                 AND (days = '{}' OR (extract(isodow FROM wall) - 1)::smallint = ANY(days))
        WHEN coalesce(begins, time '00:00') = ends
            THEN days = '{}' OR (extract(isodow FROM wall) - 1)::smallint = ANY(days)
        ELSE (coalesce(begins, time '00:00') <= wall::time
              AND (days = '{}' OR (extract(isodow FROM wall) - 1)::smallint = ANY(days)))
          OR (wall::time < ends
              AND (days = '{}' OR ((extract(isodow FROM wall) + 5)::int % 7)::smallint = ANY(days)))
    END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("delivery", "0002_room_for_updates")]

    operations = [
        migrations.RunSQL(LOCAL_TIME, "DROP FUNCTION engagex_local_time(timestamptz, text);"),
        migrations.RunSQL(IN_WINDOW, "DROP FUNCTION engagex_in_window(timestamp, time, time, smallint[]);"),
    ]
