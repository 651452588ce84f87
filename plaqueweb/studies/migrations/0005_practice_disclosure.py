from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('studies', '0004_disclosure_kinds'),
    ]

    operations = [
        migrations.AlterField(
            model_name='disclosure',
            name='kind',
            field=models.CharField(choices=[('after_each', 'after signing this case'), ('all_signed', 'after signing all cases'), ('round_closed', 'when the round closed'), ('model', 'the model’s result, for an answer with it'), ('practice', 'the known answer of a practice case')], max_length=16),
        ),
    ]
