"""Layers of the sandbox that a worker lacks."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('worker_sighting', schema=None) as batch_op:
        batch_op.add_column(sa.Column('missing_layers', shared.db.Json(), nullable=True))



def downgrade() -> None:
    with op.batch_alter_table('worker_sighting', schema=None) as batch_op:
        batch_op.drop_column('missing_layers')
