"""Released models as the scoring door knows them, grants on them, and what was counted."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('released_model',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=130), nullable=False),
    sa.Column('release', sa.Integer(), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('method_name', sa.String(length=63), nullable=False),
    sa.Column('method_release', sa.String(length=20), nullable=False),
    sa.Column('format', sa.String(length=20), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('withdrawn_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name', 'release', name='uq_released_model_release')
    )
    op.create_table('scoring_grant',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('model_id', sa.Uuid(), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('client', sa.String(length=200), nullable=False),
    sa.Column('purpose', sa.String(length=4000), nullable=False),
    sa.Column('legal_basis', sa.String(length=4000), nullable=False),
    sa.Column('valid_from', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('valid_until', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('rows_per_day', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('asked_by', sa.String(length=200), nullable=False),
    sa.Column('revoked_reason', sa.String(length=4000), nullable=True),
    sa.ForeignKeyConstraint(['model_id'], ['released_model.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    with op.batch_alter_table('scoring_grant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_scoring_grant_client'), ['client'], unique=False)
        batch_op.create_index(batch_op.f('ix_scoring_grant_ministry'), ['ministry'], unique=False)
        batch_op.create_index(batch_op.f('ix_scoring_grant_model_id'), ['model_id'], unique=False)

    op.create_table('scoring_batch',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('door', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('grant_id', sa.Uuid(), nullable=False),
    sa.Column('model_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('requests', sa.Integer(), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('began_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['scoring_grant.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('door', 'number', name='uq_scoring_batch_number')
    )
    with op.batch_alter_table('scoring_batch', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_scoring_batch_day'), ['day'], unique=False)
        batch_op.create_index(batch_op.f('ix_scoring_batch_grant_id'), ['grant_id'], unique=False)

    op.create_table('scoring_grant_review',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('grant_id', sa.Uuid(), nullable=False),
    sa.Column('reviewer', sa.String(length=200), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('verdict', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.String(length=4000), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['scoring_grant.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('grant_id', 'ministry', name='uq_scoring_grant_review_ministry'),
    sa.UniqueConstraint('grant_id', 'reviewer', name='uq_scoring_grant_review_reviewer')
    )
    with op.batch_alter_table('scoring_grant_review', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_scoring_grant_review_grant_id'), ['grant_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('scoring_grant_review', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_scoring_grant_review_grant_id'))

    op.drop_table('scoring_grant_review')
    with op.batch_alter_table('scoring_batch', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_scoring_batch_grant_id'))
        batch_op.drop_index(batch_op.f('ix_scoring_batch_day'))

    op.drop_table('scoring_batch')
    with op.batch_alter_table('scoring_grant', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_scoring_grant_model_id'))
        batch_op.drop_index(batch_op.f('ix_scoring_grant_ministry'))
        batch_op.drop_index(batch_op.f('ix_scoring_grant_client'))

    op.drop_table('scoring_grant')
    op.drop_table('released_model')
