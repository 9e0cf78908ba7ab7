"""Released models, and which of them a request names."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('knownmodel',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('withdrawn', sa.Boolean(), nullable=False),
    sa.Column('released', shared.db.Json(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('analysisrequest', schema=None) as batch_op:
        batch_op.add_column(sa.Column('champion_id', sa.Uuid(), nullable=True))
        batch_op.create_index('ix_analysisrequest_champion_id', ['champion_id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('analysisrequest', schema=None) as batch_op:
        batch_op.drop_index('ix_analysisrequest_champion_id')
        batch_op.drop_column('champion_id')

    op.drop_table('knownmodel')
