"""`make mutants` is not fooled: only a proof that fails counts, and only for what is rendered."""

from __future__ import annotations

import pytest

from commands.mutants import child
from commands.mutants.__main__ import Mutant, verdicts
from config.documents import Fact

ETCD = "config/machines/etcd/etc/systemd/system/etcd.service"
PROOF = "tests/unit/test_etcd_units.py::test_the_flag_stands_in_etcds_unit"
BLIND = "tests/unit/test_etcd_units.py::test_the_settings_extra_arguments_come_last"


@pytest.fixture(autouse=True)
def views(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here concerns resources, and to declare them takes ten seconds."""
    monkeypatch.setattr(child, "VIEWS", (child.machine_files,))


def mutant(key: str, proof: str, file: str = ETCD, value: object = None) -> Mutant:
    return Mutant(Fact(id="X", fact="", proof=[proof]), file, key, value)


def test_each_setting_gets_the_verdict_that_it_deserves() -> None:
    killed, survived, unseen, unread = verdicts(
        [
            mutant("--quota-backend-bytes", PROOF),
            mutant("--quota-backend-bytes", BLIND),
            mutant("MASTERS_USUAL_MAX", PROOF, "config/checks/members.py", 10),
            mutant("--quota", PROOF),
        ]
    )
    assert killed == ""
    assert survived == "survived, no proof fails"
    assert unseen == "changes nothing that is rendered"
    assert "--quota stands 0 times" in unread


def test_what_the_preview_refuses_proves_nothing() -> None:
    (refused,) = verdicts([mutant("kilonode:masters.members", PROOF, "Pulumi.prod.yaml", ["a"])])
    assert refused.startswith("cannot be rendered, so give it another value")


def test_a_proof_that_fails_anyway_proves_nothing() -> None:
    with pytest.raises(RuntimeError, match="nothing was changed"):
        list(verdicts([mutant("--quota-backend-bytes", f"{PROOF}_or_not")]))
