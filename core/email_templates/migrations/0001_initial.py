import core.common.ids
import core.common.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='StarterTemplate',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('category', models.CharField(choices=[('newsletter', 'Newsletter'), ('promotion', 'Promotion'), ('welcome', 'Welcome'), ('other', 'Other')], default='other', max_length=12)),
                ('subject', models.CharField(max_length=200, validators=[core.common.validators.validate_one_line])),
                ('preheader', models.CharField(blank=True, help_text='The line after the subject in the inbox. It is hidden in the mail.', max_length=200, validators=[core.common.validators.validate_one_line])),
                ('html', models.TextField(verbose_name='HTML')),
                ('text', models.TextField(blank=True, help_text='Empty: made from the HTML.', verbose_name='plain text')),
                ('name', models.CharField(max_length=120, unique=True)),
                ('slug', models.SlugField(unique=True)),
                ('description', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='EmailTemplate',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('category', models.CharField(choices=[('newsletter', 'Newsletter'), ('promotion', 'Promotion'), ('welcome', 'Welcome'), ('other', 'Other')], default='other', max_length=12)),
                ('subject', models.CharField(max_length=200, validators=[core.common.validators.validate_one_line])),
                ('preheader', models.CharField(blank=True, help_text='The line after the subject in the inbox. It is hidden in the mail.', max_length=200, validators=[core.common.validators.validate_one_line])),
                ('html', models.TextField(verbose_name='HTML')),
                ('text', models.TextField(blank=True, help_text='Empty: made from the HTML.', verbose_name='plain text')),
                ('name', models.CharField(max_length=120)),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'template',
                'ordering': ['name'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='email_templates_template_tenant_key'), models.UniqueConstraint(fields=('organization', 'name'), name='email_templates_name_once', violation_error_message='A template with this name exists already.')],
            },
        ),
    ]
