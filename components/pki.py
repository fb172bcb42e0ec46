"""Keys and certificates: three authorities, and one bundle per machine role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi

from components.certificates import (
    CLIENT,
    PEER,
    SERVER,
    Authority,
    Credential,
    Subject,
    signing_key,
)
from components.encryption import encryption_configuration
from components.kubeconfig import kubeconfig
from config.declared import DECLARED_FILE, declared
from config.topology import EtcdCluster

Files = dict[str, pulumi.Output[str]]

_LOOPBACK_NAME = "localhost"
_LOOPBACK_ADDRESS = "127.0.0.1"
# What masters say to the API, and who they are there: file name -> subject.
_MASTER_CLIENTS: Mapping[str, Subject] = {
    "apiserver-kubelet-client": Subject(
        "kilonode:apiserver", organization="kilonode:apiserver-kubelet-client"
    ),
    "controller-manager": Subject("system:kube-controller-manager"),
    "scheduler": Subject("system:kube-scheduler"),
    "manifests": Subject("kilonode:manifests", organization="system:masters"),
    "csr-approver": Subject("kilonode:csr-approver"),
}
# Masters are nodes too, so both bundles hold this one.
_KUBE_PROXY = Subject("system:kube-proxy")
# Role -> what a machine joins with, in the role's bundle. A node's does not make it a master.
_BOOTSTRAP: Mapping[str, Subject] = {
    "node": Subject("kilonode:bootstrap", organization="system:bootstrappers"),
    "master": Subject("kilonode:bootstrap-master", organization="system:bootstrappers"),
}
# A group of our own: the masters' manifests bind it, so it can be taken away again, which
# system:masters cannot.
_ADMIN = Subject("kilonode-admin", organization="kilonode:administrators")
# No binding that is missing and no queue of the API shuts this one out, and nothing takes it its
# rights: for the day on which the other does not help.
_BREAK_GLASS = Subject("kilonode-break-glass", organization="system:masters")


@dataclass(frozen=True)
class PkiArgs:
    """`apiserver_*` are what its certificate serves; `api_server` is the URL for people.

    `encryption_keys`: names of the keys of Secrets; the first writes.
    """

    cluster: str
    etcd: EtcdCluster
    events: EtcdCluster
    apiserver_names: Sequence[str]
    apiserver_addresses: Sequence[str]
    api_server: str
    encryption_keys: Sequence[str]


class Pki(pulumi.ComponentResource):
    """`bundles`: secret JSON per role, as machines unpack it. `kubeconfig`: secret, admin.

    `break_glass`: secret kubeconfig of system:masters. `valid_until`: when the first of all
    certificates ends.
    """

    bundles: Mapping[str, pulumi.Output[str]]
    kubeconfig: pulumi.Output[str]
    break_glass: pulumi.Output[str]
    valid_until: pulumi.Output[str]

    def __init__(
        self, name: str, args: PkiArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("kilonode:pki:Pki", name, None, opts)
        self._name = name
        self._kubernetes = self._authority("kubernetes", args.cluster)
        self._etcd = self._authority("etcd", args.cluster)
        self._front_proxy = self._authority("front-proxy", args.cluster)

        node = {
            "kubernetes/ca.crt": self._kubernetes.credential.certificate,
            **self._kubernetes_clients({"kube-proxy": _KUBE_PROXY}),
        }
        self.bundles = {
            "etcd": self._etcd_bundle(args.etcd),
            "events": self._etcd_bundle(args.events),
            "master": _bundle({**node, **self._bootstrap("master"), **self._master_files(args)}),
            "node": _bundle({**node, **self._bootstrap("node")}),
        }
        self.kubeconfig = self._kubeconfig("admin", _ADMIN, args)
        self.break_glass = self._kubeconfig("break-glass", _BREAK_GLASS, args)
        authorities = (self._kubernetes, self._etcd, self._front_proxy)
        ends = [end for authority in authorities for end in authority.ends]
        self.valid_until = pulumi.Output.all(*ends).apply(_first)
        self.register_outputs({"kubeconfig": self.kubeconfig})

    def _authority(self, role: str, cluster: str) -> Authority:
        return Authority(f"{self._name}-{role}-ca", f"{cluster} {role}", parent=self)

    def _kubeconfig(self, role: str, subject: Subject, args: PkiArgs) -> pulumi.Output[str]:
        return kubeconfig(
            args.cluster,
            f"{args.cluster}-{role}",
            args.api_server,
            self._kubernetes.credential.certificate,
            self._kubernetes.issue(f"{self._name}-{role}", subject, CLIENT),
        )

    def _kubernetes_clients(self, subjects: Mapping[str, Subject]) -> Files:
        files: Files = {}
        for role, subject in subjects.items():
            credential = self._kubernetes.issue(f"{self._name}-{role}", subject, CLIENT)
            files |= _pair(f"kubernetes/{role}", credential)
        return files

    def _bootstrap(self, role: str) -> Files:
        credential = self._kubernetes.issue(
            f"{self._name}-bootstrap-{role}", _BOOTSTRAP[role], CLIENT
        )
        return _pair("kubernetes/bootstrap", credential)

    def _master_files(self, args: PkiArgs) -> Files:
        apiserver = Subject(
            "kube-apiserver",
            dns_names=(*args.apiserver_names, _LOOPBACK_NAME),
            ip_addresses=(*args.apiserver_addresses, _LOOPBACK_ADDRESS),
        )
        service_account = signing_key(f"{self._name}-service-account", parent=self)
        return {
            **_pair("kubernetes/ca", self._kubernetes.credential),
            **_pair(
                "kubernetes/apiserver",
                self._kubernetes.issue(f"{self._name}-apiserver", apiserver, SERVER),
            ),
            **self._kubernetes_clients(_MASTER_CLIENTS),
            "kubernetes/service-account.key": pulumi.Output.secret(service_account.private_key_pem),
            "kubernetes/service-account.pub": service_account.public_key_pem,
            "kubernetes/encryption.yaml": encryption_configuration(
                f"{self._name}-encryption", args.encryption_keys, parent=self
            ),
            "front-proxy/ca.crt": self._front_proxy.credential.certificate,
            **_pair(
                "front-proxy/client",
                self._front_proxy.issue(
                    f"{self._name}-front-proxy-client", Subject("front-proxy-client"), CLIENT
                ),
            ),
            "etcd/ca.crt": self._etcd.credential.certificate,
            **_pair(
                "etcd/client",
                self._etcd.issue(f"{self._name}-etcd-client", Subject("kube-apiserver"), CLIENT),
            ),
        }

    def _etcd_bundle(self, cluster: EtcdCluster) -> pulumi.Output[str]:
        """One certificate for serving, for peers and for asking them: etcd uses it as all three.

        All members have the same one, since who may read one member's key from the vault may read
        all. It names every address that a member may ever have, so growing changes no certificate.
        """
        role = cluster.voters[0].role
        addresses = [*cluster.voter_candidates, cluster.learner_address]
        member = Subject(
            f"{role}-member",
            dns_names=(_LOOPBACK_NAME,),
            ip_addresses=(*map(str, addresses), _LOOPBACK_ADDRESS),
        )
        return _bundle(
            {
                "etcd/ca.crt": self._etcd.credential.certificate,
                **_pair("etcd/member", self._etcd.issue(f"{self._name}-{role}", member, PEER)),
                DECLARED_FILE: pulumi.Output.from_input(declared(cluster)),
            }
        )


def _pair(path: str, credential: Credential) -> Files:
    return {f"{path}.crt": credential.certificate, f"{path}.key": credential.key}


def _bundle(files: Files) -> pulumi.Output[str]:
    return pulumi.Output.secret(pulumi.Output.json_dumps({"files": files}, sort_keys=True))


def _first(times: Sequence[str]) -> str:
    return min(times, key=datetime.fromisoformat)
