"""Too much user data is refused with the other settings, before anything is created."""

from __future__ import annotations

import random
import string

import pytest

from config.settings import SettingsError
from tests.unit.settings_samples import settings


def test_user_data_over_azures_limit_is_refused_naming_key_role_limit_and_remedy() -> None:
    letters = random.Random(0).choices(string.ascii_letters + string.digits + "+/", k=100_000)
    with pytest.raises(SettingsError) as error:
        settings({"extraArgs.kube-apiserver": [f"--v={''.join(letters)}"]})
    (problem,) = error.value.problems
    assert str(problem).startswith("kilonode:masters = test-master-c; limit: ")
    assert "role master" in str(problem)
    assert "65535" in str(problem)
    assert "; remedy: shorten what varies in it: extraArgs" in str(problem)
