import core.common.constraints
import core.common.encryption
import core.common.ids
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('campaigns', '0001_initial'),
        ('contacts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('send_state', models.CharField(choices=[('ready', 'Waiting'), ('accepted', 'Accepted'), ('retry_wait', 'Will be tried again'), ('suppressed', 'Skipped'), ('failed', 'Failed'), ('uncertain', 'In doubt'), ('unresolved', 'Unresolved')], default='ready', max_length=10)),
                ('reason', models.CharField(blank=True, choices=[('', ''), ('unsubscribed', 'Unsubscribed'), ('not_confirmed', 'Subscription not confirmed'), ('bounced', 'Address bounced before'), ('complained', 'Complained before'), ('suppression_list', 'On the suppression list'), ('agency_suppression', "On the agency's suppression list"), ('topic', 'Left this topic'), ('paused', 'Paused by the person'), ('frequency', 'Asked for fewer mails'), ('deleted', 'Contact deleted'), ('cancelled', 'Campaign cancelled'), ('quota', 'Plan limit'), ('unsendable_address', 'The server cannot take this address'), ('refused', 'Refused by the provider'), ('exhausted', 'Tried too often'), ('lease_expired', 'The worker died while sending'), ('no_answer', 'The provider did not answer'), ('no_proof', 'No proof either way came in time')], max_length=20)),
                ('words', models.CharField(blank=True, max_length=500, verbose_name="provider's words")),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('resends', models.PositiveSmallIntegerField(default=0, verbose_name="operator's resends")),
                ('due_at', models.DateTimeField(null=True)),
                ('accepted_at', models.DateTimeField(null=True, verbose_name='accepted')),
                ('provider_message_id', models.CharField(blank=True, max_length=200)),
                ('delivery_state', models.CharField(choices=[('none', 'No news'), ('processed', 'Processed'), ('deferred', 'Deferred'), ('delivered', 'Delivered')], default='none', max_length=10)),
                ('bounced_at', models.DateTimeField(null=True, verbose_name='bounced')),
                ('complained_at', models.DateTimeField(null=True, verbose_name='complained')),
                ('unsubscribed_at', models.DateTimeField(null=True, verbose_name='unsubscribed')),
                ('opened_at', models.DateTimeField(null=True, verbose_name='first open')),
                ('clicked_at', models.DateTimeField(null=True, verbose_name='first click')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='delivery_message_waiting')],
            },
        ),
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('name', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=[('sandbox', 'Sandbox (keeps mails here, delivers nothing)'), ('smtp', 'SMTP server'), ('sendgrid', 'SendGrid (Web API)')], default='sandbox', max_length=10)),
                ('is_default', models.BooleanField(default=False, verbose_name='used for campaigns')),
                ('host', models.CharField(blank=True, help_text='Of SendGrid: leave it empty, or api.eu.sendgrid.com in the EU.', max_length=253, verbose_name='server')),
                ('port', models.PositiveIntegerField(default=587, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)])),
                ('security', models.CharField(choices=[('none', 'None (only inside your own network)'), ('starttls', 'STARTTLS'), ('tls', 'TLS from the start')], default='starttls', max_length=8)),
                ('username', models.CharField(blank=True, max_length=254, verbose_name='user name')),
                ('password', core.common.encryption.EncryptedTextField(blank=True, verbose_name='password or API key')),
                ('batch_size', models.PositiveSmallIntegerField(default=100, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='mails per batch')),
                ('paused_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='paused since')),
                ('problem', models.CharField(blank=True, editable=False, max_length=500)),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'ordering': ['name'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='delivery_connection_tenant_key'), models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('organization',), name='delivery_connection_one_default', violation_error_message='Another connection carries the campaigns already.'), models.UniqueConstraint(fields=('organization', 'name'), name='delivery_connection_name_once', violation_error_message='A connection with this name exists already.')],
            },
        ),
        migrations.CreateModel(
            name='DeliveryBatch',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('ready', 'Waiting'), ('leased', 'Claimed'), ('dispatching', 'Going out'), ('settled', 'Done')], default='ready', max_length=12)),
                ('size', models.PositiveSmallIntegerField()),
                ('due_at', models.DateTimeField(help_text='Not claimed before.')),
                ('lease_until', models.DateTimeField(null=True)),
                ('fencing_token', models.PositiveIntegerField(default=0)),
                ('worker', models.CharField(blank=True, max_length=120)),
                ('accepted_count', models.PositiveSmallIntegerField(default=0)),
                ('suppressed_count', models.PositiveSmallIntegerField(default=0)),
                ('failed_count', models.PositiveSmallIntegerField(default=0)),
                ('retry_count', models.PositiveSmallIntegerField(default=0)),
                ('uncertain_count', models.PositiveSmallIntegerField(default=0)),
                ('unresolved_count', models.PositiveSmallIntegerField(default=0)),
                ('settled_at', models.DateTimeField(null=True)),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='campaigns.campaign')),
                ('connection', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='delivery.connection')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'batch',
                'verbose_name_plural': 'batches',
                'ordering': ['campaign', 'number'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('state', 'ready')), fields=['campaign', 'due_at', 'number'], name='delivery_batch_ready'), models.Index(condition=models.Q(('state__in', ['leased', 'dispatching'])), fields=['lease_until'], name='delivery_batch_leased')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='delivery_batch_tenant_key'), core.common.constraints.SameOrganization(field='campaign', name='delivery_batch_campaign_same_org'), core.common.constraints.SameOrganization(field='connection', name='delivery_batch_connection_same_org'), models.UniqueConstraint(fields=('campaign', 'number'), name='delivery_batch_number_once')],
            },
        ),
        migrations.CreateModel(
            name='MessageValues',
            fields=[
                ('message', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='values', serialize=False, to='delivery.message')),
                ('address', models.CharField(max_length=320)),
                ('values', models.JSONField(default=dict)),
                ('written_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='message',
            name='batch',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='messages', to='delivery.deliverybatch'),
        ),
        migrations.AddField(
            model_name='message',
            name='campaign',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='campaigns.campaign'),
        ),
        migrations.AddField(
            model_name='message',
            name='contact',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='contacts.contact'),
        ),
        migrations.AddField(
            model_name='message',
            name='organization',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.CreateModel(
            name='SandboxMail',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('recipient', models.CharField(max_length=320, verbose_name='to')),
                ('sender', models.CharField(max_length=320, verbose_name='from')),
                ('subject', models.CharField(max_length=998)),
                ('raw', models.BinaryField()),
                ('received_at', models.DateTimeField(auto_now_add=True, verbose_name='received')),
                ('message', models.OneToOneField(db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sandbox_mail', to='delivery.message')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'sandbox mail',
                'verbose_name_plural': 'sandbox inbox',
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['organization', '-id'], name='delivery_sandbox_newest')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='delivery_sandbox_mail_tenant_key')],
            },
        ),
        migrations.CreateModel(
            name='SendAttempt',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('fencing_token', models.PositiveIntegerField()),
                ('message_ids', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('worker', models.CharField(blank=True, max_length=120)),
                ('result', models.JSONField(default=dict, help_text='How many of each outcome.')),
                ('batch', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='delivery.deliverybatch')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['batch'], name='delivery_attempt_batch')],
                'constraints': [core.common.constraints.SameOrganization(field='batch', name='delivery_attempt_batch_same_org')],
            },
        ),
        migrations.AddField(
            model_name='messagevalues',
            name='organization',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['batch'], name='delivery_message_batch'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['contact', '-id'], name='delivery_message_contact'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('organization', 'id'), name='delivery_message_tenant_key'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=core.common.constraints.SameOrganization(field='campaign', name='delivery_message_campaign_same_org'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=core.common.constraints.SameOrganization(field='contact', name='delivery_message_contact_same_org'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=core.common.constraints.SameOrganization(field='batch', name='delivery_message_batch_same_org'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('campaign', 'contact'), name='delivery_message_once'),
        ),
        migrations.AddConstraint(
            model_name='sandboxmail',
            constraint=core.common.constraints.SameOrganization(field='message', name='delivery_sandbox_message_same_org'),
        ),
        migrations.AddConstraint(
            model_name='messagevalues',
            constraint=core.common.constraints.SameOrganization(field='message', name='delivery_values_message_same_org'),
        ),
    ]
