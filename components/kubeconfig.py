"""A kubeconfig for a client certificate."""

import base64

import pulumi

from components.certificates import Credential


def kubeconfig(
    cluster: str, user: str, server: str, authority: pulumi.Output[str], client: Credential
) -> pulumi.Output[str]:
    """Secret JSON text, which every reader of YAML takes too; `server` is the API's URL.

    cluster, user: what the file calls them.
    """
    return pulumi.Output.secret(
        pulumi.Output.json_dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": cluster,
                "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
                "clusters": [
                    {
                        "name": cluster,
                        "cluster": {
                            "server": server,
                            # In every certificate of the API, so a new way in works at once and
                            # not only when masters have fetched one that names it.
                            "tls-server-name": "kubernetes",
                            "certificate-authority-data": _base64(authority),
                        },
                    }
                ],
                "users": [
                    {
                        "name": user,
                        "user": {
                            "client-certificate-data": _base64(client.certificate),
                            "client-key-data": _base64(client.key),
                        },
                    }
                ],
            },
            indent=2,
        )
    )


def _base64(pem: pulumi.Output[str]) -> pulumi.Output[str]:
    return pem.apply(lambda text: base64.b64encode(text.encode()).decode())
