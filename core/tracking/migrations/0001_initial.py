import core.common.constraints
import core.common.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('campaigns', '0001_initial'),
        ('contacts', '0001_initial'),
        ('delivery', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AnalyticsEvent',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(choices=[('sent', 'Sent'), ('delivered', 'Delivered'), ('deferred', 'Deferred'), ('opened', 'Opened'), ('clicked', 'Clicked'), ('bounced', 'Bounced'), ('dropped', 'Dropped'), ('complained', 'Complained'), ('unsubscribed', 'Unsubscribed'), ('replied', 'Replied'), ('unknown', 'Unknown')], max_length=12)),
                ('verdict', models.CharField(choices=[('human', 'Person'), ('prefetch', 'Prefetched by the mail app'), ('proxy', 'Image proxy'), ('scanner', 'Link scanner'), ('unknown', 'Unknown')], default='unknown', max_length=8)),
                ('reasons', models.JSONField(default=list)),
                ('event_key', models.CharField(max_length=100)),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('received_at', models.DateTimeField(auto_now_add=True, verbose_name='noted')),
                ('seen', models.JSONField(default=dict)),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='campaigns.campaign')),
                ('contact', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='contacts.contact')),
                ('link', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='campaigns.campaignlink')),
                ('message', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='delivery.message')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'event',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['campaign', 'type', 'occurred_at'], name='tracking_event_campaign'), models.Index(fields=['contact', '-id'], name='tracking_event_contact'), models.Index(fields=['message'], name='tracking_event_message')],
                'constraints': [core.common.constraints.SameOrganization(field='message', name='tracking_event_message_same_org'), core.common.constraints.SameOrganization(field='campaign', name='tracking_event_campaign_same_org'), core.common.constraints.SameOrganization(field='contact', name='tracking_event_contact_same_org'), core.common.constraints.SameOrganization(field='link', name='tracking_event_link_same_org'), models.UniqueConstraint(fields=('organization', 'event_key'), name='tracking_event_once')],
            },
        ),
        migrations.CreateModel(
            name='CampaignHour',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('hour', models.DateTimeField()),
                ('type', models.CharField(choices=[('sent', 'Sent'), ('delivered', 'Delivered'), ('deferred', 'Deferred'), ('opened', 'Opened'), ('clicked', 'Clicked'), ('bounced', 'Bounced'), ('dropped', 'Dropped'), ('complained', 'Complained'), ('unsubscribed', 'Unsubscribed'), ('replied', 'Replied'), ('unknown', 'Unknown')], max_length=12)),
                ('verdict', models.CharField(choices=[('human', 'Person'), ('prefetch', 'Prefetched by the mail app'), ('proxy', 'Image proxy'), ('scanner', 'Link scanner'), ('unknown', 'Unknown')], max_length=8)),
                ('total', models.PositiveIntegerField(default=0)),
                ('firsts', models.PositiveIntegerField(default=0)),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='campaigns.campaign')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'ordering': ['campaign', 'hour'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['organization', 'hour'], name='tracking_hour_organization')],
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='tracking_hour_campaign_same_org'), models.UniqueConstraint(fields=('campaign', 'hour', 'type', 'verdict'), name='tracking_hour_once')],
            },
        ),
        migrations.CreateModel(
            name='DirtyCampaign',
            fields=[
                ('campaign', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='campaigns.campaign')),
                ('touched', models.BigIntegerField(default=1)),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='tracking_dirty_campaign_same_org')],
            },
        ),
        migrations.CreateModel(
            name='LinkClicks',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('verdict', models.CharField(choices=[('human', 'Person'), ('prefetch', 'Prefetched by the mail app'), ('proxy', 'Image proxy'), ('scanner', 'Link scanner'), ('unknown', 'Unknown')], max_length=8)),
                ('total', models.PositiveIntegerField(default=0)),
                ('firsts', models.PositiveIntegerField(default=0)),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.campaign')),
                ('link', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.campaignlink')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'clicks of a link',
                'verbose_name_plural': 'clicks of links',
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['organization', 'campaign'], name='tracking_link_organization')],
                'constraints': [core.common.constraints.SameOrganization(field='campaign', name='tracking_link_campaign_same_org'), core.common.constraints.SameOrganization(field='link', name='tracking_link_link_same_org'), models.UniqueConstraint(fields=('campaign', 'link', 'verdict'), name='tracking_link_once')],
            },
        ),
    ]
