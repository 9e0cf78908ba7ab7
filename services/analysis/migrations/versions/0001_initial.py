"""The tables of the analysis service as they were at first."""

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

    op.create_table('method',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('release', sa.String(length=20), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('card', shared.db.Json(), nullable=False),
    sa.Column('state', sa.Enum('registered', 'live', 'withdrawn', name='methodstate', native_enum=False, length=20), nullable=False),
    sa.Column('announced_by', sa.String(length=200), nullable=False),
    sa.Column('announced_ministry', sa.String(length=40), nullable=False),
    sa.Column('live_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_reason', sa.String(length=4000), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name', 'release', name='uq_method_name_release')
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

    op.create_table('request_key',
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('wrapped', sa.String(length=200), nullable=True),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('destroyed_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('request_id')
    )
    op.create_table('run',
    sa.Column('due_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('status', sa.Enum('queued', 'preparing', 'prepared', 'running', 'succeeded', 'failed', 'cancelled', name='runstatus', native_enum=False, length=20), nullable=False),
    sa.Column('method_name', sa.String(length=63), nullable=False),
    sa.Column('method_release', sa.String(length=20), nullable=False),
    sa.Column('method_digest', sa.String(length=64), nullable=False),
    sa.Column('approved', shared.db.Json(), nullable=False),
    sa.Column('bundle', shared.db.Json(), nullable=True),
    sa.Column('bundle_kept', sa.Boolean(), nullable=False),
    sa.Column('match_rates', shared.db.Json(), nullable=False),
    sa.Column('worker_id', sa.Uuid(), nullable=True),
    sa.Column('worker_fence', sa.Integer(), nullable=False),
    sa.Column('progress', sa.Float(), nullable=False),
    sa.Column('message', sa.String(length=200), nullable=False),
    sa.Column('reason', shared.db.Json(), nullable=True),
    sa.Column('started_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ended_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('request_id')
    )
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_run_bundle_kept'), ['bundle_kept'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_due_at'), ['due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_method_name'), ['method_name'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_ministry'), ['ministry'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_status'), ['status'], unique=False)

    op.create_table('subject_sequence',
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('subject')
    )
    op.create_table('tombstone',
    sa.Column('kind', sa.Enum('dataset', 'method', 'request', name='withdrawn', native_enum=False, length=20), nullable=False),
    sa.Column('key', sa.String(length=100), nullable=False),
    sa.Column('at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('kind', 'key')
    )
    op.create_table('worker_sighting',
    sa.Column('worker_id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('seen_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('methods', shared.db.Json(), nullable=False),
    sa.PrimaryKeyConstraint('worker_id')
    )
    with op.batch_alter_table('worker_sighting', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_worker_sighting_seen_at'), ['seen_at'], unique=False)

    op.create_table('late_result',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('current_fence', sa.Integer(), nullable=False),
    sa.Column('status', sa.Enum('queued', 'preparing', 'prepared', 'running', 'succeeded', 'failed', 'cancelled', name='runstatus', native_enum=False, length=20), nullable=False),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('late_result', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_late_result_run_id'), ['run_id'], unique=False)

    op.create_table('method_review',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('method_id', sa.Uuid(), nullable=False),
    sa.Column('reviewer', sa.String(length=200), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('verdict', sa.Enum('approve', 'reject', name='verdict', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.String(length=4000), nullable=False),
    sa.ForeignKeyConstraint(['method_id'], ['method.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('method_id', 'ministry', name='uq_method_review_ministry'),
    sa.UniqueConstraint('method_id', 'reviewer', name='uq_method_review_reviewer')
    )
    with op.batch_alter_table('method_review', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_method_review_method_id'), ['method_id'], unique=False)

    op.create_table('run_artefact',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('fence', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('table', 'figure', 'metrics', 'restricted_list', 'log', name='outputkind', native_enum=False, length=20), nullable=False),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('run_id', 'fence', 'kind', 'name', name='uq_run_artefact')
    )
    op.create_table('run_dataset',
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('dataset_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], ),
    sa.PrimaryKeyConstraint('run_id', 'dataset_id')
    )
    with op.batch_alter_table('run_dataset', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_run_dataset_dataset_id'), ['dataset_id'], unique=False)

def downgrade() -> None:

    with op.batch_alter_table('run_dataset', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_run_dataset_dataset_id'))

    op.drop_table('run_dataset')
    op.drop_table('run_artefact')
    with op.batch_alter_table('method_review', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_method_review_method_id'))

    op.drop_table('method_review')
    with op.batch_alter_table('late_result', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_late_result_run_id'))

    op.drop_table('late_result')
    with op.batch_alter_table('worker_sighting', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_worker_sighting_seen_at'))

    op.drop_table('worker_sighting')
    op.drop_table('tombstone')
    op.drop_table('subject_sequence')
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_run_status'))
        batch_op.drop_index(batch_op.f('ix_run_ministry'))
        batch_op.drop_index(batch_op.f('ix_run_method_name'))
        batch_op.drop_index(batch_op.f('ix_run_due_at'))
        batch_op.drop_index(batch_op.f('ix_run_bundle_kept'))

    op.drop_table('run')
    op.drop_table('request_key')
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index('ix_outbox_due_at')
        batch_op.drop_index('ix_outbox_created_at')

    op.drop_table('outbox')
    op.drop_table('method')
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

