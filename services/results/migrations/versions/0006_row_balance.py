"""What became of the rows of each input of a result's run."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.add_column(sa.Column('balance', shared.db.Json(), server_default='{}', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.drop_column('balance')
