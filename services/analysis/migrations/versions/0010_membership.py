"""Who is a member; the catalog announces each again, since nobody listened here. And who has acted on the request of a model."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('member',
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('has_left', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.PrimaryKeyConstraint('code')
    )
    with op.batch_alter_table('model', schema=None) as batch_op:
        batch_op.add_column(sa.Column('parts', shared.db.Json(), server_default='[]', nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('model', schema=None) as batch_op:
        batch_op.drop_column('parts')
    op.drop_table('member')
