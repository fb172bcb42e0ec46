"""Objects that make a control plane tell what it tells only once it has happened."""

from __future__ import annotations

# Its level has one place, and who holds it waits for a webhook that never answers.
REFUSED = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: refused}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: refused}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: never}
webhooks:
  - name: never.example.com
    clientConfig: {url: "https://ADDRESS/"}
    rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
    matchConditions: [{name: refused, expression: request.userInfo.username == 'refused'}]
    timeoutSeconds: 5
    failurePolicy: Ignore
    sideEffects: None
    admissionReviewVersions: [v1]
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: nothing}
spec:
  type: Limited
  limited: {nominalConcurrencyShares: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: refused}
spec:
  matchingPrecedence: 2
  priorityLevelConfiguration: {name: nothing}
  rules:
    - subjects: [{kind: User, user: {name: refused}}]
      resourceRules:
        - {verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true}
      nonResourceRules: [{verbs: ["*"], nonResourceURLs: ["*"]}]
"""
# A pod that the scheduler places: that it took its time is told only then.
PLACED = """
apiVersion: v1
kind: Node
metadata: {name: cpu-a-000000}
---
apiVersion: v1
kind: Pod
metadata: {name: placed, namespace: monitoring}
spec:
  tolerations: [{operator: Exists}]
  automountServiceAccountToken: false
  containers: [{name: c, image: registry.k8s.io/pause}]
"""
NODE_STATUS = {
    "status": {
        "addresses": [{"type": "InternalIP", "address": "192.0.2.77"}],
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"},
        "capacity": {"cpu": "4", "memory": "8Gi", "pods": "10"},
    }
}
