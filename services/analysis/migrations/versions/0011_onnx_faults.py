"""The fault of an uploaded model by its code, and in Korean."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('onnx_method', schema=None) as batch_op:
        batch_op.add_column(sa.Column('fault_code', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('fault_ko', sa.String(length=1000), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('onnx_method', schema=None) as batch_op:
        batch_op.drop_column('fault_ko')
        batch_op.drop_column('fault_code')
