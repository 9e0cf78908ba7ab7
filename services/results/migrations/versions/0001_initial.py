"""The first tables of the results service."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table('audit',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.String(length=40), nullable=False),
    sa.Column('deed', sa.String(length=80), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('roles', sa.String(length=300), nullable=False),
    sa.Column('request_id', sa.String(length=80), nullable=False),
    sa.Column('trace_id', sa.String(length=40), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.create_index('ix_audit_actor', ['actor'], unique=False)
        batch_op.create_index('ix_audit_subject', ['subject'], unique=False)

    op.create_table('audit_checkpoint',
    sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('at', sa.String(length=40), nullable=False),
    sa.Column('key_id', sa.String(length=64), nullable=False),
    sa.Column('signature', sa.String(length=120), nullable=False),
    sa.PrimaryKeyConstraint('position')
    )
    op.create_table('audit_seal',
    sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('audit_id', sa.Uuid(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('position'),
    sa.UniqueConstraint('audit_id', name='uq_audit_seal_audit_id')
    )
    op.create_table('idempotency_key',
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('operation', sa.String(length=300), nullable=False),
    sa.Column('body_sha256', sa.String(length=64), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('headers', sa.Text(), nullable=True),
    sa.Column('body', sa.Text(), nullable=True),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('actor', 'key')
    )
    op.create_table('inbox',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('source', sa.String(length=120), nullable=False),
    sa.Column('type', sa.String(length=120), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('received_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('done_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('due_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.create_index('ix_inbox_due_at', ['due_at'], unique=False)
        batch_op.create_index('ix_inbox_state_type', ['state', 'type'], unique=False)

    op.create_table('known',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('facts', shared.db.Json(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('kind', 'key', name='uq_known_kind_key')
    )
    op.create_table('outbox',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('type', sa.String(length=120), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('sent_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('due_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('event_id')
    )
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.create_index('ix_outbox_created_at', ['created_at'], unique=False)
        batch_op.create_index('ix_outbox_due_at', ['due_at'], unique=False)

    op.create_table('result',
    sa.Column('due_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('run_fence', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('requester', sa.String(), nullable=False),
    sa.Column('authors', shared.db.Json(), nullable=False),
    sa.Column('audience_kind', sa.Enum('ministries', 'members', 'public', name='audiencekind', native_enum=False, length=20), nullable=False),
    sa.Column('audience_ministries', sa.String(), nullable=False),
    sa.Column('owners', shared.db.Json(), nullable=False),
    sa.Column('dataset_ids', shared.db.Json(), nullable=False),
    sa.Column('method_name', sa.String(), nullable=False),
    sa.Column('method_version', sa.String(), nullable=False),
    sa.Column('method_digest', sa.String(), nullable=False),
    sa.Column('match_rates', shared.db.Json(), nullable=False),
    sa.Column('artefacts', shared.db.Json(), nullable=False),
    sa.Column('status', sa.Enum('checking', 'held', 'released', 'withheld', 'recalled', name='status', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('rules', sa.String(), nullable=True),
    sa.Column('verdicts', shared.db.Json(), nullable=False),
    sa.Column('contents', shared.db.Json(), nullable=False),
    sa.Column('held_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('released_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ended_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('run_id')
    )
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_result_due_at'), ['due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_result_ministry'), ['ministry'], unique=False)
        batch_op.create_index(batch_op.f('ix_result_request_id'), ['request_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_result_status'), ['status'], unique=False)

    op.create_table('subject_sequence',
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('subject')
    )
    op.create_table('subscription',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('created_by', sa.String(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('events', shared.db.Json(), nullable=False),
    sa.Column('description', sa.String(), nullable=False),
    sa.Column('secret', sa.String(), nullable=False),
    sa.Column('former_secret', sa.String(), nullable=True),
    sa.Column('former_until', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('disabled_reason', sa.String(), nullable=True),
    sa.Column('ended_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_subscription_ministry'), ['ministry'], unique=False)

    op.create_table('withdrawal',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('kind', 'key', name='uq_withdrawal_kind_key')
    )
    op.create_table('delivery',
    sa.Column('due_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('event_type', sa.String(), nullable=False),
    sa.Column('result_id', sa.Uuid(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'delivered', 'dead', name='deliverystate', native_enum=False, length=20), nullable=False),
    sa.Column('delivered_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('subscription_id', 'event_id', name='uq_delivery_subscription_event')
    )
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_delivery_due_at'), ['due_at'], unique=False)
        batch_op.create_index('ix_delivery_subscription_due', ['subscription_id', 'due_at'], unique=False)

    op.create_table('releasevote',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('result_id', sa.Uuid(), nullable=False),
    sa.Column('checker', sa.String(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('approve', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['result_id'], ['result.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('result_id', 'checker', name='uq_releasevote_result_checker')
    )
    with op.batch_alter_table('releasevote', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_releasevote_result_id'), ['result_id'], unique=False)

    op.create_table('attempt',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('delivery_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('milliseconds', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_attempt_delivery_id'), ['delivery_id'], unique=False)




def downgrade() -> None:

    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_attempt_delivery_id'))

    op.drop_table('attempt')
    with op.batch_alter_table('releasevote', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_releasevote_result_id'))

    op.drop_table('releasevote')
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.drop_index('ix_delivery_subscription_due')
        batch_op.drop_index(batch_op.f('ix_delivery_due_at'))

    op.drop_table('delivery')
    op.drop_table('withdrawal')
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_subscription_ministry'))

    op.drop_table('subscription')
    op.drop_table('subject_sequence')
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_result_status'))
        batch_op.drop_index(batch_op.f('ix_result_request_id'))
        batch_op.drop_index(batch_op.f('ix_result_ministry'))
        batch_op.drop_index(batch_op.f('ix_result_due_at'))

    op.drop_table('result')
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index('ix_outbox_due_at')
        batch_op.drop_index('ix_outbox_created_at')

    op.drop_table('outbox')
    op.drop_table('known')
    with op.batch_alter_table('inbox', schema=None) as batch_op:
        batch_op.drop_index('ix_inbox_state_type')
        batch_op.drop_index('ix_inbox_due_at')

    op.drop_table('inbox')
    op.drop_table('idempotency_key')
    op.drop_table('audit_seal')
    op.drop_table('audit_checkpoint')
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_subject')
        batch_op.drop_index('ix_audit_actor')

    op.drop_table('audit')

