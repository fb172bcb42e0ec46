"""Settings that cannot be read: one line each, with key, value, limit and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import SettingsError, load, raw_settings
from config.topology import topology
from tests.unit.settings_samples import REMOVED, raw

_HASH = "0" * 64
_SETS = {"a": {"nodes": 0, "maxNodes": 1}}

# What is wrong; the changes; what the line must say.
REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown key is refused with the nearest known one": (
        {"clusterNam": "x"},
        ["kilonode:clusterNam = ", "known keys are ", "did you mean clusterName?"],
    ),
    "an unknown key inside a section is refused": (
        {"network.natAdresses": 2},
        ["kilonode:network.natAdresses = ", "did you mean natAddresses?"],
    ),
    "an unknown key of a pool is refused": (
        {"nodePools.cpu.label": {}},
        ["kilonode:nodePools.cpu.label = ", "did you mean labels?"],
    ),
    "a limit of a whole pool, which nothing would hold to, is refused": (
        {"nodePools.cpu.maxNodes": 5},
        ["kilonode:nodePools.cpu.maxNodes = ", "scaleSets"],
    ),
    "extra arguments for an unknown component are refused": (
        {"extraArgs": {"kube-prox": ["--v=2"]}},
        ["kilonode:extraArgs.kube-prox = ", "kube-apiserver, ", "did you mean kube-proxy?"],
    ),
    "a missing key is named with an example": (
        {"network.podCidr": REMOVED},
        ["kilonode:network.podCidr = (missing)", "a block of nodePodPrefix", "10.64.0.0/12"],
    ),
    "a missing provider key is named with its namespace": (
        {"location": REMOVED},
        ["azure-native:location = (missing)", "a region's short name", "westeurope"],
    ),
    "a missing section is named": ({"etcd": REMOVED}, ["kilonode:etcd = (missing)", "add"]),
    "more than 16 NAT addresses are refused": (
        {"network.natAddresses": 17},
        ["kilonode:network.natAddresses = 17", "1 to 16", "such as 2"],
    ),
    "no NAT address is refused": (
        {"network.natAddresses": 0},
        ["kilonode:network.natAddresses = 0", "1 to 16"],
    ),
    "a scale set of more than 1,000 is refused": (
        {"nodePools.cpu.scaleSets.a.maxNodes": 1001},
        ["kilonode:nodePools.cpu.scaleSets.a.maxNodes = 1001", "0 to 1,000"],
    ),
    "a negative number of nodes is refused": (
        {"nodePools.cpu.scaleSets.a.nodes": -1},
        ["kilonode:nodePools.cpu.scaleSets.a.nodes = -1", "0 to maxNodes"],
    ),
    "a truth value is no number": (
        {"nodePools.cpu.scaleSets.a.nodes": True},
        ["kilonode:nodePools.cpu.scaleSets.a.nodes = true", "0 to maxNodes"],
    ),
    "an upper-case cluster name is refused": (
        {"clusterName": "Prod"},
        ["kilonode:clusterName = Prod", "lower-case", "such as prod"],
    ),
    "a cluster name of 21 characters is refused": (
        {"clusterName": "a" * 21},
        ["kilonode:clusterName = aaa", "2 to 20"],
    ),
    "two hyphens in a row, which a vault's name may not have, are refused": (
        {"clusterName": "a--b"},
        ["kilonode:clusterName = a--b", "single hyphens"],
    ),
    "a range with host bits is refused": (
        {"network.cidr": "10.0.0.1/16"},
        ["kilonode:network.cidr = 10.0.0.1/16", "write 10.0.0.0/16, without host bits"],
    ),
    "a word is no range": ({"network.cidr": "all"}, ["kilonode:network.cidr = all", "such as"]),
    "a subscription that is no GUID is refused": (
        {"subscriptionId": "prod"},
        ["azure-native:subscriptionId = prod", "a GUID", "such as 00000000-"],
    ),
    "a tenant that is no GUID is refused": (
        {"tenantId": "0000"},
        ["azure-native:tenantId = 0000", "a GUID"],
    ),
    "an image version that Azure resolves anew is refused": (
        {"image.version": "latest"},
        ["kilonode:image.version = latest", "24.04.YYYYMMDDN", "such as 24.04."],
    ),
    "an SSH key of an unsupported kind is refused": (
        {"sshPublicKey": "ecdsa-sha2-nistp256 AAAA"},
        ["kilonode:sshPublicKey = ecdsa-sha2-nistp256 AAAA", "ssh-ed25519"],
    ),
    "a mirror without TLS is refused": (
        {"artifacts.mirror": "http://mirror.example.com"},
        ["kilonode:artifacts.mirror = http://mirror.example.com", "https://"],
    ),
    "a mirror that a shell would expand is refused": (
        {"artifacts.mirror": "https://mirror.example.com/$HOME"},
        ["kilonode:artifacts.mirror = https://mirror.example.com/$HOME", "without spaces"],
    ),
    **{
        f"a preloaded image {what} is refused": (
            {"artifacts.mirror": "https://m.example.com", "nodePools.cpu.preload": [image]},
            [f"kilonode:nodePools.cpu.preload.0 = {image}", "HOST/REPOSITORY:TAG@sha256:DIGEST"],
        )
        for what, image in {
            "without a digest": "quay.io/a/b:1",
            "without a tag": f"quay.io/a/b@sha256:{_HASH}",
            "without a registry": f"b:1@sha256:{_HASH}",
            "with half a digest": f"quay.io/a/b:1@sha256:{_HASH[1:]}",
            "in upper case": f"quay.io/A/b:1@sha256:{_HASH}",
        }.items()
    },
    **{
        f"an image registry {what} is refused": (
            {"imageRegistry": registry},
            [f"kilonode:imageRegistry = {registry}", "without scheme and trailing slash"],
        )
        for what, registry in {
            "with a scheme": "https://registry.example.com",
            "with a slash at its end": "registry.example.com/kilonode/",
            "in upper case": "Registry.example.com",
            "that Docker would look for at docker.io": "kilonode",
        }.items()
    },
    "a checksum of the wrong length is refused": (
        {"artifacts.checksums": {"flannel": "abc"}},
        ["kilonode:artifacts.checksums.flannel = abc", "64 hexadecimal digits"],
    ),
    "a member key beyond i is refused": (
        {"etcd.main.members": ["a", "b", "j"]},
        ["kilonode:etcd.main.members.2 = j", "letters a to i"],
    ),
    "a pool key with a hyphen is refused": (
        {"nodePools.my-pool": {"size": "Standard_D16ds_v5", "scaleSets": _SETS}},
        ["kilonode:nodePools.my-pool = my-pool", "up to 7 letters or digits", "rename the key"],
    ),
    "a pool key that leaves a host name no room is refused": (
        {"nodePools.muchtoolong": {"size": "Standard_D16ds_v5", "scaleSets": _SETS}},
        ["kilonode:nodePools.muchtoolong = muchtoolong", "up to 7 letters or digits"],
    ),
    "a scale set key that leaves a host name no room is refused": (
        {"nodePools.cpu.scaleSets.blue2": {"nodes": 0, "maxNodes": 1}},
        ["kilonode:nodePools.cpu.scaleSets.blue2 = blue2", "up to 3 letters or digits"],
    ),
    "a pool without scale sets is refused": (
        {"nodePools.cpu.scaleSets": {}},
        ["kilonode:nodePools.cpu.scaleSets = {}", "one or more"],
    ),
    "a cluster without pools is refused": (
        {"nodePools": {}},
        ["kilonode:nodePools = {}", "one or more"],
    ),
    "a zone without quotes is refused": (
        {"zones": [1]},
        ["kilonode:zones.0 = 1", 'ones of "1", "2", "3", quoted'],
    ),
    "a zone that no region has is refused": ({"zones": ["4"]}, ["kilonode:zones.0 = 4"]),
    "a word for retired sizes that means nothing is refused": (
        {"retiredSizes": "ignore"},
        ["kilonode:retiredSizes = ignore", "substitute or refuse"],
    ),
    "a flag with a space, which would become two, is refused": (
        {"extraArgs.kubelet": ["--v 2"]},
        ["kilonode:extraArgs.kubelet.0 = --v 2", "without spaces"],
    ),
    "a flag that a shell would expand is refused": (
        {"extraArgs.etcd": ["--name=$HOME"]},
        ["kilonode:extraArgs.etcd.0 = --name=$HOME", "without spaces, quotes, $"],
    ),
    "an etcd quota below etcd's own default is refused": (
        {"etcd.main.quotaBytes": 1024},
        ["kilonode:etcd.main.quotaBytes = 1024", "2,147,483,648 to 17,179,869,184"],
    ),
    "a public API without ranges is refused": (
        {"api": {"public": {"allowedRanges": []}}},
        ["kilonode:api.public.allowedRanges = []", "1 to 4,000 ranges"],
    ),
    "pod blocks of more addresses than a node can use are refused": (
        {"network.nodePodPrefix": 20},
        ["kilonode:network.nodePodPrefix = 20", "22 to 28", "such as 24"],
    ),
    "a section that is no mapping is refused": (
        {"network": "10.0.0.0/16"},
        ["kilonode:network = 10.0.0.0/16", "as a mapping"],
    ),
}


@pytest.mark.parametrize(("changes", "parts"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(changes: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        load(raw(changes))
    assert len(error.value.problems) == 1, "nothing else is wrong with these settings"
    line = str(error.value.problems[0])
    assert "\n" not in line
    for part in [*parts, "; limit: ", "; remedy: "]:
        assert part in line


def test_the_value_of_an_unknown_key_is_not_shown_since_it_may_be_a_secret() -> None:
    with pytest.raises(SettingsError) as error:
        load(raw({"adminPassword": "hunter2"}))
    assert "hunter2" not in str(error.value)


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(SettingsError) as error:
        load(raw({"location": "!" * 1000}))
    assert len(str(error.value.problems[0])) < 300


def test_all_problems_are_reported_at_once_each_on_its_own_line() -> None:
    with pytest.raises(SettingsError) as error:
        load(
            raw(
                {
                    "clusterNam": "x",
                    "network.natAddresses": 17,
                    "network.podCidr": "10.0.0.0/14",
                    "etcd.events.members": ["a", "b"],
                    "masters.members": ["a"],
                    "masters.size": "Standard_E20ds_v55",
                    "nodePools.cpu.scaleSets.a.nodes": 201,
                    "nodePools.gpu": {"size": 24},
                }
            )
        )
    header, *lines = str(error.value).splitlines()
    assert header.startswith(f"{len(lines)} of the settings cannot be used")
    for key in (
        "kilonode:clusterNam ",
        "kilonode:network.natAddresses ",
        "kilonode:network.podCidr ",
        "kilonode:etcd.events.members ",
        "kilonode:masters.members ",
        "kilonode:masters.size ",
        "kilonode:nodePools.cpu.scaleSets.a.nodes ",
        "kilonode:nodePools.gpu.size ",
        "kilonode:nodePools.gpu.scaleSets ",
    ):
        assert any(key in line for line in lines), key


def test_a_key_that_cannot_be_read_hides_no_rule_about_other_keys() -> None:
    with pytest.raises(SettingsError) as error:
        load(raw({"etcd.main.members": ["z"], "masters.members": ["a"], "location": 7}))
    assert {problem.path[0] for problem in error.value.problems} == {"etcd", "masters", "location"}


def test_a_key_that_cannot_be_read_is_not_replaced_by_its_default_in_other_rules() -> None:
    changes = {"network.podCidr": "10.64.0.0/20", "network.nodePodPrefix": "twenty-eight"}
    with pytest.raises(SettingsError) as error:
        load(raw(changes))
    assert [problem.path[-1] for problem in error.value.problems] == ["nodePodPrefix"]


def test_nothing_at_all_is_refused_with_every_required_key() -> None:
    with pytest.raises(SettingsError) as error:
        load({})
    assert {problem.path for problem in error.value.problems} == {
        (key,) for key in raw() if key != "artifacts"
    }


def test_a_stacks_configuration_is_read_from_yaml_and_from_the_engine_alike() -> None:
    from_yaml = {
        "azure-native:location": "westeurope",
        "azure-native:useMsi": "true",
        "kubernetes:context": "other",
        "kilonode:zones": ["1", "2"],
        "kilonode:generation": 2,
    }
    from_engine = {**from_yaml, "kilonode:zones": '["1","2"]', "kilonode:generation": "2"}
    assert raw_settings(from_yaml) == {
        "location": "westeurope",
        "zones": ["1", "2"],
        "generation": "2",
    }
    read = raw_settings(from_engine)
    assert load({**raw(), **read}) == load({**raw(), **raw_settings(from_yaml)})


def test_a_text_that_only_looks_like_json_is_left_for_the_settings_to_refuse() -> None:
    assert raw_settings({"kilonode:zones": "[1, 2"}) == {"zones": "[1, 2"}


def test_a_number_is_the_text_that_the_engine_makes_of_it() -> None:
    """Else `make render` would refuse what `pulumi up` takes."""
    read = raw_settings({"kilonode:gateNonce": 2})
    assert load({**raw(), **read}).gate_nonce == "2"


def test_a_section_without_a_value_is_refused_as_the_engine_passes_it_on_too() -> None:
    """It makes an empty text of null, but only where a setting begins."""
    for nothing in (None, ""):
        with pytest.raises(SettingsError) as error:
            load({**raw(), **raw_settings({"kilonode:api": nothing})})
        (problem,) = error.value.problems
        assert problem.value == "(nothing)"
        assert problem.remedy == "write {} for its defaults, or remove the key"


def test_a_mirrors_name_is_the_same_with_a_slash_at_its_end() -> None:
    """The cluster's own account is known by it as the mirror."""
    own = topology(load(raw())).artifacts_url
    assert load(raw({"artifacts.mirror": f"{own}/"})).artifacts.mirror == own
