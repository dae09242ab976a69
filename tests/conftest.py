"""What every test module may rely on."""

import pytest

pytest.register_assert_rewrite("tests.contracts")
