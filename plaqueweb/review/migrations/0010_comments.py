from __future__ import annotations

import django.db.models.deletion
import plaqueweb.core.ids
from django.conf import settings
from django.db import migrations, models

from plaqueweb.core.immutable import refuse


class Migration(migrations.Migration):

    dependencies = [
        ('review', '0009_mask_references_stay'),
        ('studies', '0006_preparation'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.UUIDField(default=plaqueweb.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('frame', models.PositiveIntegerField(null=True)),
                ('x', models.FloatField(null=True)),
                ('y', models.FloatField(null=True)),
                ('text', models.CharField(blank=True, max_length=1000)),
                ('settles', models.BooleanField(null=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comments', to='review.case')),
                ('clip', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='studies.clip')),
                ('thread', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='review.comment')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('clip__isnull', False), ('frame__gte', 1), ('settles__isnull', True), ('thread__isnull', True), ('x__gte', 0), ('y__gte', 0)), models.Q(('clip__isnull', True), ('frame__isnull', True), ('thread__isnull', False), ('x__isnull', True), ('y__isnull', True)), _connector='OR'), name='comment_place'), models.CheckConstraint(condition=models.Q(models.Q(('text', ''), _negated=True), ('settles__isnull', False), _connector='OR'), name='comment_says_something')],
            },
        ),
        refuse("review_comment", on="UPDATE", message="a comment is never edited; an answer is a new row"),
    ]
