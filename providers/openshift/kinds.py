"""The kinds that OpenShift had in its one former API (`apiVersion: v1`), and the groups that they are in since."""

from __future__ import annotations

TEMPLATE = "Template"
GROUP_OF_TEMPLATES = "template.openshift.io"

_KINDS = {
    "apps": ("DeploymentConfig",),
    "authorization": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "RoleBindingRestriction"),
    "build": ("Build", "BuildConfig"),
    "image": ("Image", "ImageStream", "ImageStreamImport", "ImageStreamMapping", "ImageStreamTag"),
    "network": ("ClusterNetwork", "EgressNetworkPolicy", "HostSubnet", "NetNamespace"),
    "oauth": ("OAuthAccessToken", "OAuthAuthorizeToken", "OAuthClient", "OAuthClientAuthorization"),
    "project": ("Project", "ProjectRequest"),
    "quota": ("AppliedClusterResourceQuota", "ClusterResourceQuota"),
    "route": ("Route",),
    "security": ("SecurityContextConstraints",),
    "template": (TEMPLATE,),
    "user": ("Group", "Identity", "User", "UserIdentityMapping"),
}
_GROUPS = {kind: f"{name}.openshift.io" for name, kinds in _KINDS.items() for kind in kinds}


def version_of(api_version: str, kind: str) -> str:
    """The apiVersion by which a server of today knows a kind: `route.openshift.io/v1` for a Route of `v1`."""
    return f"{_GROUPS[kind]}/v1" if api_version == "v1" and kind in _GROUPS else api_version


def is_template(api_version: str, kind: str) -> bool:
    """Whether an object is a template of OpenShift's."""
    return kind == TEMPLATE and version_of(api_version, kind).rpartition("/")[0] == GROUP_OF_TEMPLATES
