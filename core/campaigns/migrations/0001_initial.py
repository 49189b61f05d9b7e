import core.common.constraints
import core.common.ids
import core.common.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('accounts', '__first__'),
        ('contacts', '0001_initial'),
        ('email_templates', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('name', models.CharField(max_length=120, validators=[core.common.validators.validate_one_line])),
                ('subject', models.CharField(blank=True, help_text="Empty: the template's subject.", max_length=200, validators=[core.common.validators.validate_one_line])),
                ('preheader', models.CharField(blank=True, help_text="Empty: the template's preheader.", max_length=200, validators=[core.common.validators.validate_one_line])),
                ('from_name', models.CharField(max_length=100, validators=[core.common.validators.validate_one_line], verbose_name='sender name')),
                ('from_email', models.EmailField(max_length=254, verbose_name='sender address')),
                ('reply_to', models.EmailField(blank=True, max_length=254, verbose_name='reply to')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In review'), ('approved', 'Approved'), ('scheduled', 'Scheduled'), ('materialising', 'Preparing'), ('sending', 'Sending'), ('paused', 'Paused'), ('sent', 'Sent'), ('cancelling', 'Cancelling'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='draft', editable=False, max_length=14)),
                ('pause_reason', models.CharField(blank=True, choices=[('manual', 'Paused by a person'), ('auto', 'Too many bounces or complaints'), ('quota', "The plan's limit is reached"), ('domain', 'The sending domain is not in order'), ('connection', 'The sending connection refuses us')], editable=False, max_length=12)),
                ('problem', models.CharField(blank=True, editable=False, max_length=500)),
                ('version', models.PositiveIntegerField(default=0, editable=False)),
                ('emails_reserved', models.PositiveIntegerField(default=0, editable=False, help_text='Counted against the plan when the send was confirmed.')),
                ('reserved_month', models.DateField(editable=False, null=True)),
                ('scheduled_at', models.DateTimeField(editable=False, null=True, verbose_name='scheduled for')),
                ('started_at', models.DateTimeField(editable=False, null=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(editable=False, null=True, verbose_name='finished')),
                ('created_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('template', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='email_templates.emailtemplate')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['organization', '-id'], name='campaigns_campaign_newest'), models.Index(fields=['status', 'scheduled_at'], name='campaigns_campaign_due')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='campaigns_campaign_tenant_key'), core.common.constraints.SameOrganization(field='template', name='campaigns_campaign_template_same_org')],
            },
        ),
        migrations.CreateModel(
            name='CampaignGroup',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('is_excluded', models.BooleanField(default=False, verbose_name='left out')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='campaign_groups', to='campaigns.campaign')),
                ('group', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='campaign_groups', to='contacts.contactgroup')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'group of a campaign',
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='campaigns_group_campaign_same_org'), core.common.constraints.SameOrganization(field='group', name='campaigns_group_group_same_org'), models.UniqueConstraint(fields=('campaign', 'group'), name='campaigns_group_once')],
            },
        ),
        migrations.CreateModel(
            name='CampaignLink',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('url', models.TextField(verbose_name='URL')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='links', to='campaigns.campaign')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'link',
                'ordering': ['number'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='campaigns_link_tenant_key'), core.common.constraints.SameOrganization(field='campaign', name='campaigns_link_campaign_same_org'), models.UniqueConstraint(fields=('campaign', 'number'), name='campaigns_link_once')],
            },
        ),
        migrations.CreateModel(
            name='CampaignSegment',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('is_excluded', models.BooleanField(default=False, verbose_name='left out')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='campaign_segments', to='campaigns.campaign')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('segment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='campaign_segments', to='contacts.segment')),
            ],
            options={
                'verbose_name': 'segment of a campaign',
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='campaigns_segment_campaign_same_org'), core.common.constraints.SameOrganization(field='segment', name='campaigns_segment_segment_same_org'), models.UniqueConstraint(fields=('campaign', 'segment'), name='campaigns_segment_once')],
            },
        ),
        migrations.CreateModel(
            name='CampaignSnapshot',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('subject', models.CharField(max_length=200)),
                ('preheader', models.CharField(blank=True, max_length=200)),
                ('html', models.TextField()),
                ('text', models.TextField()),
                ('from_name', models.CharField(max_length=100)),
                ('from_email', models.EmailField(max_length=254)),
                ('reply_to', models.EmailField(blank=True, max_length=254)),
                ('organization_values', models.JSONField(help_text="The client's values for merge tags, as they were.")),
                ('merge_keys', models.JSONField()),
                ('audience', models.JSONField(help_text='Groups and segments included and left out, as they were.')),
                ('content_hash', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='frozen')),
                ('campaign', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='snapshot', to='campaigns.campaign')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='campaigns_snapshot_tenant_key'), core.common.constraints.SameOrganization(field='campaign', name='campaigns_snapshot_campaign_same_org')],
            },
        ),
    ]
