"""Since when a ministry bears its name, and what it follows."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('ministry') as batch_op:
        batch_op.add_column(sa.Column('valid_from', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('successor_of', shared.db.Json(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('ministry') as batch_op:
        batch_op.drop_column('successor_of')
        batch_op.drop_column('valid_from')
