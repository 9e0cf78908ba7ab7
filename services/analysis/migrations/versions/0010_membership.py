"""Who is a member; the catalog announces each again, since nobody listened here. Who has acted on the request of a model.

The owners of the data of released models, so that they can object to grants; and the rate of a grant.
"""

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
    with op.batch_alter_table('released_model', schema=None) as batch_op:
        batch_op.add_column(sa.Column('owners', shared.db.Json(), server_default='[]', nullable=False))
    with op.batch_alter_table('scoring_grant', schema=None) as batch_op:
        batch_op.add_column(sa.Column('rows_per_minute', sa.Integer(), nullable=True))
    op.create_table('scoring_grant_objection',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('grant_id', sa.Uuid(), nullable=False),
    sa.Column('objected_by', sa.String(length=200), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=4000), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['scoring_grant.id']),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('grant_id')
    )
    fill_owners()


def fill_owners() -> None:
    """The owners of a model that was released before are those of the datasets that its row names."""
    model = sa.table('model', sa.column('id', sa.Uuid()), sa.column('datasets', shared.db.Json()))
    released = sa.table('released_model', sa.column('id', sa.Uuid()), sa.column('owners', shared.db.Json()))
    connection = op.get_bind()
    for id, datasets in connection.execute(sa.select(model.c.id, model.c.datasets)).all():
        owners = sorted({dataset['ministry'] for dataset in datasets})
        connection.execute(sa.update(released).where(released.c.id == id).values(owners=owners))


def downgrade() -> None:
    op.drop_table('scoring_grant_objection')
    with op.batch_alter_table('scoring_grant', schema=None) as batch_op:
        batch_op.drop_column('rows_per_minute')
    with op.batch_alter_table('released_model', schema=None) as batch_op:
        batch_op.drop_column('owners')
    with op.batch_alter_table('model', schema=None) as batch_op:
        batch_op.drop_column('parts')
    op.drop_table('member')
