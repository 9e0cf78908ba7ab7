"""Layers of the sandbox that were missing around each run."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.add_column(sa.Column('missing_layers', shared.db.Json(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_column('missing_layers')
