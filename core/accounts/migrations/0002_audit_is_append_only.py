from django.db import migrations

# An edited or removed row of the audit log is refused by the database itself. TRUNCATE is let through only on
# connections that announce it, which the test run does to empty its database. The one door is erasure (GDPR, article
# 17): who, when, what and on which object stays, only labels, values and the address it came from may be blanked.
CREATE = """
CREATE FUNCTION accounts_audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('engagex.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND current_setting('engagex.audit_erasure', true) = 'on'
       AND (OLD.id, OLD.organization_id, OLD.at, OLD.actor_id, OLD.action, OLD.object_type, OLD.object_id,
            OLD.request_id)
           IS NOT DISTINCT FROM
           (NEW.id, NEW.organization_id, NEW.at, NEW.actor_id, NEW.action, NEW.object_type, NEW.object_id,
            NEW.request_id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER accounts_audit_no_change BEFORE UPDATE OR DELETE ON accounts_auditevent
    FOR EACH ROW EXECUTE FUNCTION accounts_audit_refuse_change();
CREATE TRIGGER accounts_audit_no_truncate BEFORE TRUNCATE ON accounts_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_refuse_change();
"""
DROP = """
DROP TRIGGER accounts_audit_no_truncate ON accounts_auditevent;
DROP TRIGGER accounts_audit_no_change ON accounts_auditevent;
DROP FUNCTION accounts_audit_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
