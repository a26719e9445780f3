"""Argon2id at the costs that all servers of the benchmark share."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Hasher(Argon2PasswordHasher):
    memory_cost = 19_456
    time_cost = 2
    parallelism = 1
