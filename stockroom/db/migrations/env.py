"""Run by Alembic for each command: uses the connection and the transaction that `migrate` gives it.

Tables are not named here: their naming convention would also change names that are complete already.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
