"""Copies of the public keys of ministries, and the sealed keys of a run."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('known_key',
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('kid', sa.String(length=43), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('x', sa.String(length=43), nullable=True),
    sa.Column('valid_from', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('valid_until', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('retired', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('ministry', 'kid')
    )
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sealed_keys', shared.db.Json(), nullable=True))
        batch_op.add_column(sa.Column('sealed_kept', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index('ix_run_sealed_kept', ['sealed_kept'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_index('ix_run_sealed_kept')
        batch_op.drop_column('sealed_kept')
        batch_op.drop_column('sealed_keys')

    op.drop_table('known_key')
