"""The place of a delivery among the events of its result, and whether it is being sent."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

# From the envelope that is sent: JSON as text in both.
SEQUENCE = {
    "sqlite": "UPDATE delivery SET sequence = json_extract(body, '$.sequence')",
    "postgresql": "UPDATE delivery SET sequence = (body::json ->> 'sequence')::integer",
}


def upgrade() -> None:
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sequence', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('calling', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index('ix_delivery_subscription_result', ['subscription_id', 'result_id', 'sequence'], unique=False)
    op.execute(SEQUENCE[op.get_bind().dialect.name])


def downgrade() -> None:
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.drop_index('ix_delivery_subscription_result')
        batch_op.drop_column('calling')
        batch_op.drop_column('sequence')
