import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def widen_arm(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE reads_read ALTER COLUMN arm TYPE varchar(16)")


def arm_of_imports(apps, schema_editor):
    assignment = apps.get_model("reads", "Assignment")
    assignment.objects.filter(round__policy="open").update(arm="unknown")


class Migration(migrations.Migration):

    dependencies = [
        ('reads', '0004_manual_scale'),
        ('studies', '0004_disclosure_kinds'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='assignment',
            name='assignment_once',
        ),
        migrations.AddField(
            model_name='assignment',
            name='arm',
            field=models.CharField(choices=[('blind', 'blind'), ('aided', 'with the model, after a blind answer'), ('concurrent', 'with the model from the start'), ('unknown', 'imported, blinding unknown')], default='blind', max_length=16),
        ),
        migrations.AddField(
            model_name='assignment',
            name='frames',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='assignment',
            name='shown_prediction',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='assignment',
            name='stage_no',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='round',
            name='fixed_frames',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='round',
            name='frames',
            field=models.CharField(choices=[('reader', 'the reader’s choice'), ('fixed', 'fixed: named for each clip'), ('two_stages', 'both, in two stages')], default='reader', max_length=16),
        ),
        migrations.AddField(
            model_name='round',
            name='pipelines',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='round',
            name='reads_per_case',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='round',
            name='repeat_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='repeated_by', to='reads.round'),
        ),
        migrations.AddField(
            model_name='round',
            name='repeats',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='round',
            name='stage_two_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='round',
            name='washout_days',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        # SQLite does not measure texts, and making the table anew would lose its triggers: only PostgreSQL is altered.
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(widen_arm, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name='read',
                    name='arm',
                    field=models.CharField(choices=[('blind', 'blind'), ('aided', 'with the model, after a blind answer'), ('concurrent', 'with the model from the start'), ('unknown', 'imported, blinding unknown')], default='blind', max_length=16),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='round',
            name='policy',
            field=models.CharField(choices=[('blinded', 'blinded'), ('ai_assisted', 'AI-assisted: blind answer first, then with the model'), ('concurrent', 'concurrent: the model is shown from the start'), ('open', 'imported, blinding unknown')], default='blinded', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(fields=('round', 'study', 'reader', 'repeat_no', 'stage_no'), name='assignment_once'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reveal', 'after_each'), _negated=True), ('repeats', 0), _connector='OR'), name='round_repeats_reveal_late'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('repeat_of__isnull', True), ('washout_days__isnull', True)), models.Q(('repeat_of__isnull', False), ('washout_days__isnull', False)), _connector='OR'), name='round_repeat_has_washout'),
        ),
        migrations.RunPython(arm_of_imports, migrations.RunPython.noop),
    ]
