from django.db import migrations

from plaqueweb.core.immutable import refuse

MESSAGE = "audit events are append-only"
SEALING = (
    "NOT (OLD.hash = '' AND NEW.id = OLD.id AND NEW.verb = OLD.verb AND NEW.object_type = OLD.object_type"
    " AND NEW.object_id = OLD.object_id AND NEW.at = OLD.at"
    " AND CAST(NEW.diff AS text) = CAST(OLD.diff AS text)"
    " AND COALESCE(CAST(NEW.actor_id AS text), '') = COALESCE(CAST(OLD.actor_id AS text), '')"
    " AND COALESCE(CAST(NEW.project_id AS text), '') = COALESCE(CAST(OLD.project_id AS text), ''))"
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        refuse("audit_auditevent", on="UPDATE", when=SEALING, message=MESSAGE),
        refuse("audit_auditevent", on="DELETE", message=MESSAGE),
    ]
