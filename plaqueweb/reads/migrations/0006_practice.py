import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import plaqueweb.core.ids
from plaqueweb.core.immutable import refuse

MESSAGE = "the key of a practice set never changes"


class Migration(migrations.Migration):

    dependencies = [
        ('reads', '0005_round_policies'),
        ('studies', '0005_practice_disclosure'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PracticeKey',
            fields=[
                ('id', models.UUIDField(default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('reader_class', models.SmallIntegerField(choices=[(0, 'Not complex'), (1, 'Complex'), (9, 'Can’t assess')])),
                ('thickness_mm', models.FloatField(null=True)),
                ('source', models.CharField(max_length=64)),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ReaderProfile',
            fields=[
                ('id', models.UUIDField(default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('speciality', models.CharField(choices=[('cardiology', 'Cardiology'), ('anaesthesiology', 'Cardiac anaesthesiology'), ('surgery', 'Cardiac surgery'), ('radiology', 'Radiology'), ('neurology', 'Neurology'), ('sonography', 'Sonography'), ('training', 'In training'), ('other', 'Other')], max_length=16)),
                ('years', models.PositiveSmallIntegerField()),
                ('tee_count', models.PositiveIntegerField()),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.AddField(
            model_name='round',
            name='pass_mark',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='round',
            name='practice',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='opens', to='reads.round'),
        ),
        migrations.AlterField(
            model_name='round',
            name='policy',
            field=models.CharField(choices=[('blinded', 'blinded'), ('ai_assisted', 'AI-assisted: blind answer first, then with the model'), ('concurrent', 'concurrent: the model is shown from the start'), ('practice', 'practice set: the known answer after each case'), ('open', 'imported, blinding unknown')], default='blinded', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pass_mark__gte', 1), ('pass_mark__lte', 100), ('policy', 'practice')), models.Q(models.Q(('policy', 'practice'), _negated=True), ('pass_mark__isnull', True)), _connector='OR'), name='round_practice_has_mark'),
        ),
        migrations.AddField(
            model_name='practicekey',
            name='round',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='reads.round'),
        ),
        migrations.AddField(
            model_name='practicekey',
            name='study',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='studies.study'),
        ),
        migrations.AddField(
            model_name='readerprofile',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='reader_profile', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='practicekey',
            constraint=models.UniqueConstraint(fields=('round', 'study'), name='practice_key_once'),
        ),
        migrations.AddConstraint(
            model_name='practicekey',
            constraint=models.CheckConstraint(condition=models.Q(('reader_class__in', [0, 1])), name='practice_key_class'),
        ),
        refuse("reads_practicekey", on="UPDATE", message=MESSAGE),
        refuse("reads_practicekey", on="DELETE", message=MESSAGE),
    ]
