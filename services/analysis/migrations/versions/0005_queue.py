"""Priorities and quotas with the indexes that find the head of each queue, when a run will have ended, what was swept away."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ministry_quota',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('most', sa.Integer(), nullable=True),
    sa.Column('reason', sa.String(length=4000), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('ministry')
    )
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.add_column(sa.Column('priority', sa.Enum('urgent', 'normal', 'low', name='priority', native_enum=False, length=20), server_default='normal', nullable=False))
        batch_op.add_column(sa.Column('marks', shared.db.Json(), nullable=True))
        batch_op.add_column(sa.Column('ends_at', shared.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('swept', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index('ix_run_swept', ['swept', 'ended_at'], unique=False)
        batch_op.create_index('ix_run_queue', ['status', 'ministry', 'priority', 'created_at'], unique=False)
        batch_op.create_index('ix_run_queue_method', ['status', 'method_name', 'method_release', 'ministry', 'priority', 'created_at'], unique=False)
    with op.batch_alter_table('run_artefact', schema=None) as batch_op:
        batch_op.create_index('ix_run_artefact_sha256', ['sha256'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('run_artefact', schema=None) as batch_op:
        batch_op.drop_index('ix_run_artefact_sha256')

    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_index('ix_run_queue_method')
        batch_op.drop_index('ix_run_queue')
        batch_op.drop_index('ix_run_swept')
        batch_op.drop_column('swept')
        batch_op.drop_column('ends_at')
        batch_op.drop_column('marks')
        batch_op.drop_column('priority')

    op.drop_table('ministry_quota')
