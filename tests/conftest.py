"""What every test runs under."""

from hypothesis import settings

settings.register_profile("ours", deadline=None)  # a machine that is busy is not a bug
settings.load_profile("ours")
