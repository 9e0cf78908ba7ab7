"""Approvals that an owner took back."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('revocation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('dataset_id', sa.Uuid(), nullable=False),
    sa.Column('ministry', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('revoked_by', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['request_id'], ['analysisrequest.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('request_id', 'revision', 'dataset_id', name='uq_revocation_dataset')
    )
    with op.batch_alter_table('revocation', schema=None) as batch_op:
        batch_op.create_index('ix_revocation_request_id', ['request_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('revocation', schema=None) as batch_op:
        batch_op.drop_index('ix_revocation_request_id')

    op.drop_table('revocation')
