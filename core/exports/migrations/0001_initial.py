import core.common.constraints
import core.common.ids
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('accounts', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='ListExport',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('model_label', models.CharField(max_length=100)),
                ('title', models.CharField(max_length=100, verbose_name='list')),
                ('query', models.TextField(blank=True)),
                ('file_format', models.CharField(choices=[('csv', 'CSV (opens everywhere)'), ('xlsx', 'Excel workbook'), ('json', 'JSON (for programs)')], default='csv', max_length=4, verbose_name='format')),
                ('columns', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), size=None)),
                ('status', models.CharField(choices=[('queued', 'Waiting to start'), ('running', 'Running'), ('done', 'Ready'), ('failed', 'Stopped'), ('expired', 'Expired')], default='queued', max_length=8)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('rows_done', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('bytes_total', models.PositiveBigIntegerField(default=0, verbose_name='size')),
                ('problem', models.CharField(blank=True, max_length=500, verbose_name='why it stopped')),
                ('heartbeat_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='expires')),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'export',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('status__in', ('queued', 'running'))), fields=['status', 'heartbeat_at'], name='exports_export_waiting')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='exports_export_tenant_key')],
            },
        ),
        migrations.CreateModel(
            name='ExportPart',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('list_export', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='exports.listexport')),
            ],
            options={
                'verbose_name': 'part of an export',
                'verbose_name_plural': 'parts of exports',
                'ordering': ['number'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [core.common.constraints.SameOrganization(field='list_export', name='exports_part_export_same_org'), models.UniqueConstraint(fields=('list_export', 'number'), name='exports_part_once')],
            },
        ),
    ]
