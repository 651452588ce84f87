from __future__ import annotations
import django.db.models.deletion
import plaqueweb.core.ids
from django.conf import settings
from django.db import migrations, models

from plaqueweb.core.immutable import refuse

KEPT = "a report is frozen; another state of the data is another report"


class Migration(migrations.Migration):

    dependencies = [
        ('agreement', '0004_watch_over'),
        ('studies', '0006_preparation'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FrozenReport',
            fields=[
                ('id', models.UUIDField(default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('title', models.CharField(max_length=120)),
                ('interim', models.BooleanField()),
                ('body', models.TextField()),
                ('sha256', models.CharField(max_length=64)),
                ('frozen_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='frozen_reports', to='studies.project')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'constraints': [models.UniqueConstraint(fields=('project', 'title'), name='frozen_report_title_once'), models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='frozen_report_has_title')],
            },
        ),
        refuse("agreement_frozenreport", on="UPDATE", message=KEPT),
        refuse("agreement_frozenreport", on="DELETE", message=KEPT),
    ]
