"""No test fails because the machine is busy: hypothesis sets no example a deadline."""

from importlib.util import find_spec

if find_spec("hypothesis"):  # some environments have no tests that need it
    from hypothesis import settings

    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
