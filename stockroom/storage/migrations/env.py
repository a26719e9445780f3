"""Run by Alembic for each command: works on the connection, and in the transaction, that `migrate` gives it.

Tables are not named here: their naming convention would be applied to names that are spelt out already.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
