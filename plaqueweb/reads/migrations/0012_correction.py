from django.db import migrations, models

from plaqueweb.core.immutable import refuse

ARMS = [
    ("blind", "blind"),
    ("aided", "with the model, after a blind answer"),
    ("concurrent", "with the model from the start"),
    ("unknown", "imported, blinding unknown"),
    ("informed", "corrected after results were shown"),
]
KINDS = [("slip", "Slip of the hand"), ("opinion", "Changed opinion"), ("technical", "Technical fault")]
MEANINGS = [
    ("authored", "I read these cases myself, and these are my answers."),
    ("imported", "Imported from elsewhere."),
    ("corrected", "I correct my own answer for the reason given, and this is my answer now."),
]


class Migration(migrations.Migration):
    dependencies = [("reads", "0011_quality_and_conflict")]
    operations = [
        # Null and without a default: SQLite then adds the columns in place, and the triggers of 0002 stay. A CHECK would
        # make it write the table anew, so that a correction has kind and reason is a trigger too.
        migrations.AddField("read", "revision_kind", models.CharField(choices=KINDS, max_length=16, null=True)),
        migrations.AddField("read", "revision_reason", models.CharField(max_length=500, null=True)),
        migrations.AlterField("assignment", "arm", models.CharField(choices=ARMS, default="blind", max_length=16)),
        migrations.AlterField("read", "arm", models.CharField(choices=ARMS, default="blind", max_length=16)),
        migrations.AlterField("read", "meaning", models.CharField(blank=True, choices=MEANINGS, max_length=16)),
        refuse(
            "reads_read",
            on="INSERT",
            when=(
                "(NEW.supersedes_id IS NULL) <> (NEW.revision_kind IS NULL)"
                " OR (NEW.supersedes_id IS NOT NULL AND (NEW.revision_kind NOT IN ('slip', 'opinion', 'technical')"
                " OR COALESCE(NEW.revision_reason, '') = ''))"
            ),
            message="a correction says what it corrects, of which kind it is, and why",
        ),
    ]
