import core.common.ids
import core.subscriptions.features
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('name', models.CharField(max_length=60, unique=True)),
                ('slug', models.SlugField(unique=True)),
                ('monthly_price_minor', models.PositiveIntegerField(default=0, verbose_name='monthly price (cents)')),
                ('yearly_price_minor', models.PositiveIntegerField(default=0, verbose_name='yearly price (cents)')),
                ('currency', models.CharField(default='EUR', max_length=3, validators=[django.core.validators.MinLengthValidator(3)])),
                ('max_contacts', models.PositiveBigIntegerField(blank=True, help_text='Empty means unlimited.', null=True, verbose_name='contacts')),
                ('max_emails', models.PositiveBigIntegerField(blank=True, help_text='Empty means unlimited.', null=True, verbose_name='emails per month')),
                ('max_campaigns', models.PositiveBigIntegerField(blank=True, help_text='Empty means unlimited.', null=True, verbose_name='campaigns per month')),
                ('max_members', models.PositiveBigIntegerField(blank=True, help_text='Empty means unlimited.', null=True, verbose_name='members')),
                ('features', models.JSONField(blank=True, default=dict, validators=[core.subscriptions.features.validate_features])),
                ('is_public', models.BooleanField(default=True, verbose_name='offered')),
                ('position', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'ordering': ['position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('status', models.CharField(choices=[('trialing', 'Trial'), ('active', 'Active'), ('past_due', 'Payment overdue'), ('suspended', 'Suspended'), ('cancelled', 'Cancelled'), ('expired', 'Expired')], default='active', max_length=12)),
                ('billing_frequency', models.CharField(choices=[('monthly', 'Monthly'), ('yearly', 'Yearly')], default='monthly', max_length=8)),
                ('period_start', models.DateField(blank=True, null=True)),
                ('period_end', models.DateField(blank=True, null=True)),
                ('trial_end', models.DateField(blank=True, null=True)),
                ('organization', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='subscriptions.plan')),
            ],
            options={
                'ordering': ['organization__name'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'id'), name='subscriptions_subscription_tenant_key')],
            },
        ),
        migrations.CreateModel(
            name='Usage',
            fields=[
                ('id', models.UUIDField(default=core.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('metric', models.CharField(choices=[('contacts', 'contacts'), ('emails', 'emails per month'), ('campaigns', 'campaigns per month'), ('members', 'members')], max_length=12)),
                ('month', models.DateField()),
                ('used', models.BigIntegerField(default=0)),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('organization', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name_plural': 'usage',
                'ordering': ['-month', 'metric'],
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('organization', 'metric', 'month'), name='subscriptions_usage_once'), models.CheckConstraint(condition=models.Q(('used__gte', 0)), name='subscriptions_usage_not_negative')],
            },
        ),
    ]
