"""The tables of the requests service as they were at first."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('analysisrequest',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('status', sa.Enum('owner_review', 'returned', 'council_review', 'approved', 'in_analysis', 'output_review', 'released', 'recalled', 'refused', 'withdrawn', 'failed', 'withheld', name='status', native_enum=False, length=20), nullable=False),
    sa.Column('since', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('decide_by', sa.Date(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('entries', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('legal_basis', sa.String(), nullable=False),
    sa.Column('method_name', sa.String(), nullable=False),
    sa.Column('method_version', sa.String(), nullable=False),
    sa.Column('method_digest', sa.String(), nullable=False),
    sa.Column('parameters', shared.db.Json(), nullable=False),
    sa.Column('audience', shared.db.Json(), nullable=False),
    sa.Column('requester', sa.String(), nullable=False),
    sa.Column('authors', shared.db.Json(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('risk_tier', sa.Integer(), nullable=False),
    sa.Column('rules_version', sa.String(), nullable=False),
    sa.Column('reason_code', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('run_id', sa.Uuid(), nullable=True),
    sa.Column('result_id', sa.Uuid(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('analysisrequest', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_analysisrequest_decide_by'), ['decide_by'], unique=False)
        batch_op.create_index(batch_op.f('ix_analysisrequest_method_name'), ['method_name'], unique=False)
        batch_op.create_index(batch_op.f('ix_analysisrequest_ministry'), ['ministry'], unique=False)
        batch_op.create_index(batch_op.f('ix_analysisrequest_status'), ['status'], unique=False)

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

    op.create_table('knowndataset',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('withdrawn', sa.Boolean(), nullable=False),
    sa.Column('published', shared.db.Json(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('knownmethod',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('withdrawn', sa.Boolean(), nullable=False),
    sa.Column('reviewed', shared.db.Json(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('knownministry',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('ko', sa.String(), nullable=False),
    sa.Column('en', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('code')
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

    op.create_table('subject_sequence',
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('last', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('subject')
    )
    op.create_table('decision',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('dataset_id', sa.Uuid(), nullable=False),
    sa.Column('dataset_version', sa.Integer(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('verdict', sa.Enum('approve', 'refuse', name='verdict', native_enum=False, length=20), nullable=False),
    sa.Column('code', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('conditions', shared.db.Json(), nullable=False),
    sa.Column('columns', shared.db.Json(), nullable=True),
    sa.Column('seen', shared.db.Json(), nullable=False),
    sa.Column('decided_by', sa.String(), nullable=False),
    sa.Column('rules_version', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['analysisrequest.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('request_id', 'revision', 'dataset_id', name='uq_decision_dataset')
    )
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_decision_request_id'), ['request_id'], unique=False)

    op.create_table('historyentry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('deed', sa.String(), nullable=False),
    sa.Column('from_status', sa.Enum('owner_review', 'returned', 'council_review', 'approved', 'in_analysis', 'output_review', 'released', 'recalled', 'refused', 'withdrawn', 'failed', 'withheld', name='status', native_enum=False, length=20), nullable=True),
    sa.Column('to_status', sa.Enum('owner_review', 'returned', 'council_review', 'approved', 'in_analysis', 'output_review', 'released', 'recalled', 'refused', 'withdrawn', 'failed', 'withheld', name='status', native_enum=False, length=20), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=True),
    sa.Column('reason_code', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['request_id'], ['analysisrequest.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('request_id', 'seq', name='uq_historyentry_seq')
    )
    with op.batch_alter_table('historyentry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_historyentry_request_id'), ['request_id'], unique=False)

    op.create_table('requestinput',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.Column('dataset_id', sa.Uuid(), nullable=False),
    sa.Column('dataset_title', sa.String(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('columns', shared.db.Json(), nullable=False),
    sa.Column('allowed_purpose', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['request_id'], ['analysisrequest.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('request_id', 'revision', 'role', name='uq_requestinput_role')
    )
    with op.batch_alter_table('requestinput', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_requestinput_dataset_id'), ['dataset_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_requestinput_ministry'), ['ministry'], unique=False)
        batch_op.create_index(batch_op.f('ix_requestinput_request_id'), ['request_id'], unique=False)

    op.create_table('vote',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('member', sa.String(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('ballot', sa.Enum('approve', 'reject', name='ballot', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('rules_version', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['analysisrequest.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('request_id', 'revision', 'member', name='uq_vote_member'),
    sa.UniqueConstraint('request_id', 'revision', 'ministry', name='uq_vote_ministry')
    )
    with op.batch_alter_table('vote', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_vote_request_id'), ['request_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('vote', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_vote_request_id'))

    op.drop_table('vote')
    with op.batch_alter_table('requestinput', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_requestinput_request_id'))
        batch_op.drop_index(batch_op.f('ix_requestinput_ministry'))
        batch_op.drop_index(batch_op.f('ix_requestinput_dataset_id'))

    op.drop_table('requestinput')
    with op.batch_alter_table('historyentry', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_historyentry_request_id'))

    op.drop_table('historyentry')
    with op.batch_alter_table('decision', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_decision_request_id'))

    op.drop_table('decision')
    op.drop_table('subject_sequence')
    with op.batch_alter_table('outbox', schema=None) as batch_op:
        batch_op.drop_index('ix_outbox_due_at')
        batch_op.drop_index('ix_outbox_created_at')

    op.drop_table('outbox')
    op.drop_table('knownministry')
    op.drop_table('knownmethod')
    op.drop_table('knowndataset')
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
    with op.batch_alter_table('analysisrequest', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_analysisrequest_status'))
        batch_op.drop_index(batch_op.f('ix_analysisrequest_ministry'))
        batch_op.drop_index(batch_op.f('ix_analysisrequest_method_name'))
        batch_op.drop_index(batch_op.f('ix_analysisrequest_decide_by'))

    op.drop_table('analysisrequest')
