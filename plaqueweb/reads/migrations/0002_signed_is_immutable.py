from django.db import migrations

from plaqueweb.core.immutable import refuse

MESSAGE = "a signed read never changes: a correction is a new revision"


def state_of_read(read):
    return f"(SELECT state FROM reads_read WHERE id = {read}) = 'signed'"


def state_of_annotation(annotation):
    return (
        "(SELECT r.state FROM reads_frameannotation a JOIN reads_read r ON r.id = a.read_id"
        f" WHERE a.id = {annotation}) = 'signed'"
    )


CHILDREN = ("reads_segmentfinding", "reads_lesion", "reads_frameannotation")
# The lawful exception: erasing a subject nulls the picture of the mask; its hash and areas stay.
ERASURE = (
    "(NEW.rle IS NULL AND NEW.annotation_id = OLD.annotation_id AND NEW.sha256 = OLD.sha256"
    " AND NEW.rows = OLD.rows AND NEW.columns = OLD.columns AND NEW.source = OLD.source"
    " AND CAST(NEW.areas AS text) = CAST(OLD.areas AS text))"
)

children = []
for table in CHILDREN:
    children += [
        refuse(table, on="INSERT", when=state_of_read("NEW.read_id"), message=MESSAGE),
        refuse(
            table,
            on="UPDATE",
            when=f"{state_of_read('OLD.read_id')} OR {state_of_read('NEW.read_id')}",
            message=MESSAGE,
        ),
        refuse(table, on="DELETE", when=state_of_read("OLD.read_id"), message=MESSAGE),
    ]


class Migration(migrations.Migration):
    dependencies = [("reads", "0001_initial")]
    operations = [
        refuse("reads_read", on="UPDATE", when="OLD.state = 'signed'", message=MESSAGE),
        refuse("reads_read", on="DELETE", when="OLD.state = 'signed'", message=MESSAGE),
        *children,
        refuse("reads_framemask", on="INSERT", when=state_of_annotation("NEW.annotation_id"), message=MESSAGE),
        refuse(
            "reads_framemask",
            on="UPDATE",
            when=f"({state_of_annotation('OLD.annotation_id')} OR {state_of_annotation('NEW.annotation_id')})"
            f" AND NOT {ERASURE}",
            message=MESSAGE,
        ),
        refuse("reads_framemask", on="DELETE", when=state_of_annotation("OLD.annotation_id"), message=MESSAGE),
    ]
