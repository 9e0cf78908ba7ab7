"""Public keys of ministries, to which restricted lists are sealed."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ministrykey',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('kid', sa.String(length=43), nullable=False),
    sa.Column('x', sa.String(length=43), nullable=False),
    sa.Column('valid_from', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('valid_until', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('registered_by', sa.String(), nullable=False),
    sa.Column('retired_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('retired_reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['ministry'], ['ministry.code']),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('ministry', 'kid', name='uq_ministrykey_ministry_kid')
    )


def downgrade() -> None:
    op.drop_table('ministrykey')
