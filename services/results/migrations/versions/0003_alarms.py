"""What a person has to answer before a result may leave, and the answers."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.add_column(sa.Column('alarms', shared.db.Json(), server_default='[]', nullable=False))

    op.create_table('alarmanswer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('result_id', sa.Uuid(), nullable=False),
    sa.Column('run_fence', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('verdict', sa.Enum('explained', 'upheld', name='alarmverdict', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('answered_by', sa.String(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('role', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['result_id'], ['result.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('result_id', 'run_fence', 'number', name='uq_alarmanswer_number')
    )
    with op.batch_alter_table('alarmanswer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alarmanswer_result_id'), ['result_id'], unique=False)



def downgrade() -> None:
    op.drop_table('alarmanswer')
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.drop_column('alarms')

