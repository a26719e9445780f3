"""Attempts at passwords are counted apart: for strangers, for networks that are known, and for sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MOMENT = sa.BigInteger()


def upgrade() -> None:
    op.drop_table("login_failures")
    op.create_table(
        "login_attempts",
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("origin", sa.String(80), nullable=False),
        sa.Column("free_at", _MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("username", "origin", name="pk_login_attempts"),
    )
    op.create_table(
        "known_networks",
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("network", sa.String(60), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("username", "network", name="pk_known_networks"),
        sa.ForeignKeyConstraint(["username"], ["users.username"], name="fk_known_networks_username"),
    )
