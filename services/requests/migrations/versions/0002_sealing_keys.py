"""Copies of the public keys of ministries, so that a restricted list is asked for only where it can be sealed."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('knownkey',
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('kid', sa.String(length=43), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('x', sa.String(length=43), nullable=True),
    sa.Column('valid_from', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('valid_until', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('retired', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('ministry', 'kid')
    )


def downgrade() -> None:
    op.drop_table('knownkey')
